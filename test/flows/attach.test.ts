import assert from 'node:assert/strict';
import { attacher } from '../../src/flows/attach.ts';
import { flowSchema } from '../../src/flows/flow.ts';
import { Token } from '../../src/tokens/token.ts';

const token = (secret: string): Token => new Token({ generation: 1, obtainedAt: 0, expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity }, secret, undefined);

describe('attaching a token', () => {
  it('to a header: in the form given, dollars and all', () => {
    assert.deepEqual(attacher({ header: 'AuthorizationJWT', value: 'Bearer {token}' })(token("$&$'$1")), { header: ['AuthorizationJWT', "Bearer $&$'$1"] });
    assert.deepEqual(attacher({ header: 'X', value: '{token}:{token}' })(token('a')), { header: ['X', 'a:a'] });
  });

  it('to the query and to a cookie: percent-encoded', () => {
    assert.deepEqual(attacher({ query: 'api_key', value: '{token}' })(token('a&b=c d;%')), { query: 'api_key=a%26b%3Dc%20d%3B%25' });
    assert.deepEqual(attacher({ cookie: 'sid', value: 'v1.{token}' })(token('a;b, c')), { cookie: 'sid=v1.a%3Bb%2C%20c' });
  });

  it('takes a Bearer in a header and the bare token elsewhere, if nothing is said', () => {
    assert.deepEqual(flowSchema.parse({ attach: { header: 'Authorization' } }).attach, { header: 'Authorization', value: 'Bearer {token}' });
    assert.deepEqual(flowSchema.parse({ attach: { query: 'key' } }).attach, { query: 'key', value: '{token}' });
    assert.deepEqual(flowSchema.parse({ attach: { cookie: 'key' } }).attach, { cookie: 'key', value: '{token}' });
  });

  for (const attach of [{}, { header: 'X', query: 'y' }, { header: 'with space' }, { header: 'X\r\nY' }, { query: 'a&b' }, { cookie: 'a=b' }, { header: 'X', extra: 1 }]) {
    it(`${JSON.stringify(attach)} is refused by the schema`, () => assert.equal(flowSchema.safeParse({ attach }).success, false));
  }
});
