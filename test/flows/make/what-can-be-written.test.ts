import assert from 'node:assert/strict';
import { makeSchema } from '../../../src/flows/make-schema.ts';

const messages = (entry: unknown): string[] =>
  (makeSchema.safeParse({ made: entry }).error?.issues ?? []).map(
    (issue) => `${issue.path.slice(1).join('.')}: ${issue.message}`,
  );
const EXACTLY_ONE = ': takes exactly one of jwt, hmac, hash, base64, base64url, uuid, time, random';

describe('make', () => {
  for (const [what, entry, expected] of [
    ['nothing', {}, [EXACTLY_ONE]],
    ['two kinds', { base64: 'a', time: 'unix' }, [EXACTLY_ONE]],
    ['a hash of nothing', { hash: 'md5' }, [': hash and of go together']],
    ['an encoding of a time', { time: 'unix', encoding: 'hex' }, [': encoding goes with hash']],
    ['x5c without a certificate', { jwt: { alg: 'RS256', key: 'a', x5c: true } }, ['jwt: x5c needs a certificate']],
    [
      'an own alg in the header',
      { jwt: { alg: 'RS256', key: 'a', headers: { alg: 'none' } } },
      ['jwt.headers.alg: Invalid key in record'],
    ],
    ['a lifetime of nothing', { jwt: { alg: 'RS256', key: 'a', lifetime: 0 } }, ['jwt.lifetime: must be at least 1s']],
  ] as const)
    it(`refuses ${what}`, () => assert.deepEqual(messages(entry), expected));

  for (const entry of [
    { uuid: 'v1' },
    { random: 0 },
    { random: 1025 },
    { random: 1.5 },
    { time: 'tomorrow' },
    { hash: 'crc32', of: 'a' },
    { jwt: { alg: 'none', key: 'a' } },
    { jwt: { alg: 'RS256' } },
    { hmac: { key: 'a' } },
    { hmac: { key: '', of: 'a' } },
    { script: 'a' },
  ])
    it(`refuses ${JSON.stringify(entry)}`, () => assert.equal(messages(entry).length > 0, true));

  it('refuses a name that no placeholder can have', () => {
    for (const name of ['a-b', '1a', '', 'a b'])
      assert.equal(makeSchema.safeParse(JSON.parse(`{"${name}":{"uuid":"v4"}}`)).success, false, name);
  });

  it('parses what it has parsed', () => {
    const once = makeSchema.parse({ a: { jwt: { alg: 'HS256', key: 'k', lifetime: '5m' } } });
    assert.deepEqual(makeSchema.parse(once), once);
  });
});
