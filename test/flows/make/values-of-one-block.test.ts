import assert from 'node:assert/strict';
import { makeSchema, textsOfMake } from '../../../src/flows/make-schema.ts';
import { makeValues } from '../../../src/flows/make.ts';
import { MissingValueError } from '../../../src/flows/template.ts';
import { NOW } from './making.ts';

describe('the made values of one block', () => {
  it('are computed of credentials and earlier values', async () => {
    const make = makeSchema.parse({ a: { base64: '{user}' }, b: { hash: 'md5', of: '{earlier}' } });
    assert.deepEqual(await makeValues(make, { user: 'me', earlier: 'abc' }, NOW), {
      a: 'bWU=',
      b: '900150983cd24fb0d6963f7d28e17f72',
    });
  });

  it('do not see each other', async () => {
    const make = makeSchema.parse({ a: { base64: '{user}' }, b: { base64: '{a}' } });
    await assert.rejects(
      makeValues(make, { user: 'me' }, NOW),
      (error: unknown) => error instanceof MissingValueError && error.message === 'make.b.base64: no value for {a}',
    );
  });

  for (const [entry, at] of [
    [{ hash: 'md5', of: '{x}' }, 'of'],
    [{ base64url: '{x}' }, 'base64url'],
    [{ hmac: { key: '{x}', of: 'a' } }, 'hmac.key'],
    [{ hmac: { key: 'a', of: '{x}' } }, 'hmac.of'],
    [{ jwt: { alg: 'HS256', key: '{x}' } }, 'jwt.key'],
    [{ jwt: { alg: 'HS256', key: 'a', kid: '{x}' } }, 'jwt.kid'],
    [{ jwt: { alg: 'HS256', key: 'a', claims: { deep: [{ b: '{x}' }] } } }, 'jwt.claims'],
    [{ jwt: { alg: 'HS256', key: 'a', headers: { b: 'a{x}' } } }, 'jwt.headers'],
    [{ jwt: { alg: 'HS256', key: 'a', certificate: '{x}' } }, 'jwt.certificate'],
  ] as const)
    it(`a value that is missing in ${at} is named with its place`, async () => {
      await assert.rejects(makeValues(makeSchema.parse({ m: entry }), {}, NOW), {
        message: `make.m.${at}: no value for {x}`,
      });
    });

  it('have texts with placeholders, each with its path', () => {
    const make = makeSchema.parse({
      a: { jwt: { alg: 'HS256', key: '1', kid: '2', claims: { c: ['3', 4, { d: '5' }] }, headers: { e: '6' } } },
      b: { hmac: { key: '7', of: '8' } },
      c: { hash: 'md5', of: '9' },
      d: { base64: '10' },
      e: { base64url: '11' },
      f: { time: 'unix' },
      g: { jwt: { alg: 'RS256', key: '12', type: '13', certificate: '14', x5c: true } },
    });
    assert.deepEqual(
      textsOfMake(make).map(([path, text]) => `${path.join('.')}: ${text}`),
      [
        'a.jwt.key: 1',
        'a.jwt.kid: 2',
        'a.jwt.type: JWT',
        'a.jwt.claims.c.0: 3',
        'a.jwt.claims.c.2.d: 5',
        'a.jwt.headers.e: 6',
        'b.hmac.key: 7',
        'b.hmac.of: 8',
        'c.of: 9',
        'd.base64: 10',
        'e.base64url: 11',
        'g.jwt.key: 12',
        'g.jwt.type: 13',
        'g.jwt.certificate: 14',
      ],
    );
  });
});
