import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import { Attacher, attachProblem, type Attachment } from '../../src/flows/attach.ts';
import { flowSchema, type AttachPart } from '../../src/flows/flow.ts';
import { Token } from '../../src/tokens/token.ts';

const token = (secret: string): Token =>
  new Token(
    { generation: 1, obtainedAt: 0, expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity },
    secret,
    undefined,
  );

const NONE = {};
const attached = (part: AttachPart, secret: string): Attachment =>
  new Attacher(
    [part],
    () => NONE,
    () => true,
  ).of(token(secret), 'a');

describe('attaching a token', () => {
  it('to a header: in the form given, dollars and all', () => {
    assert.deepEqual(attached({ header: 'AuthorizationJWT', value: 'Bearer {token}' }, "$&$'$1").headers, [
      'AuthorizationJWT',
      "Bearer $&$'$1",
    ]);
    assert.deepEqual(attached({ header: 'X', value: '{token}:{token}' }, 'a').headers, ['X', 'a:a']);
  });

  it('to the query: percent-encoded', () => {
    assert.deepEqual(attached({ query: 'api_key', value: '{token}' }, 'a&b=c d;%').query, [
      'api_key=a%26b%3Dc%20d%3B%25',
    ]);
  });

  it('to the path: percent-encoded, but for a colon, which is plain there', () => {
    assert.equal(attached({ path: '/bot{token}' }, '12:a/b?c%3Ad').path, '/bot12:a%2Fb%3Fc%253Ad');
  });

  for (const secret of ['abc+/=:%41|x', 's%3Aid.sig/na+ture==', 'BAh7CEki--3f2a', '"quoted"']) {
    it(`to a cookie: as it is, for servers do not decode it: ${secret}`, () => {
      assert.deepEqual(attached({ cookie: 'sid', value: '{token}' }, secret).cookies, [`sid=${secret}`]);
    });
  }

  for (const secret of ['a;b', 'a, b', 'a b', 'a\\b', 'a"b', '"', 'a\r\nb', 'aé', 'a\0']) {
    it(`${JSON.stringify(secret)} in a cookie would be another cookie, or none: it is not sent`, () => {
      const attach = { cookie: 'sid', value: '{token}' };
      assert.match(
        attachProblem({ attach: [attach] }, { token: secret })!,
        /holds characters that a cookie cannot carry/,
      );
      assert.throws(
        () => attached(attach, secret),
        (error: unknown) =>
          error instanceof TokenwardError && error.code === 'token_unavailable' && !error.message.includes(secret),
      );
    });
  }

  // U+010A is written as the byte 0A where a head is written.
  for (const secret of ['a\r\nX-Evil: 1', 'a\nb', 'a\0b', 'aĊb', 'ключ', ' a', 'a ']) {
    it(`${JSON.stringify(secret)} in a header would be another header, or another token: it is not sent`, () => {
      assert.throws(() => attached({ header: 'Authorization', value: '{token}' }, secret), TokenwardError);
    });
  }

  it('takes a Bearer in a header and the bare token elsewhere, if nothing is said', () => {
    assert.deepEqual(flowSchema.parse({ attach: { header: 'Authorization' } }).attach, [
      { header: 'Authorization', value: 'Bearer {token}' },
    ]);
    assert.deepEqual(flowSchema.parse({ attach: { query: 'key' } }).attach, [{ query: 'key', value: '{token}' }]);
    assert.deepEqual(flowSchema.parse({ attach: { cookie: 'key' } }).attach, [{ cookie: 'key', value: '{token}' }]);
  });

  for (const attach of [
    {},
    { header: 'X', query: 'y' },
    { header: 'with space' },
    { header: 'X\r\nY' },
    { query: 'a&b' },
    { cookie: 'a=b' },
    { header: 'X', extra: 1 },
  ]) {
    it(`${JSON.stringify(attach)} is refused by the schema`, () =>
      assert.equal(flowSchema.safeParse({ attach }).success, false));
  }
});
