import assert from 'node:assert/strict';
import { refresh } from './caller.ts';
import { freshEndpoint } from './endpoint.ts';

describe('a grant that is usable is used', () => {
  const endpoint = freshEndpoint();

  for (const [what, more] of [
    ['without a type', {}],
    ['of type BearerToken', { token_type: 'BearerToken' }],
    ['with a list of scopes', { token_type: 'bearer', scope: ['a', 'b'] }],
    ['with an ID token that is none', { token_type: 'bearer', id_token: 'x.y.z' }],
    ['with fields that are null', { token_type: 'Bearer', expires_in: null, scope: null, id_token: null }],
    ['with an error that is empty', { token_type: 'Bearer', error: '' }],
  ] as const) {
    it(what, async () => {
      endpoint().answer = () => ({ body: { access_token: 'abc', refresh_token: 'next', ...more } });
      const { outcome } = await refresh({ tokenUrl: endpoint().url }, { clientId: 'c', refreshToken: 'r' });
      assert.ok(outcome.kind === 'granted');
      assert.deepEqual(
        { ...outcome.grant },
        { secret: 'abc', refreshSecret: 'next', lifetime: undefined, refreshLifetime: undefined },
      );
    });
  }

  for (const [what, reply] of [
    ['with 201', { status: 201 }],
    ['of type text/html', { headers: { 'content-type': 'text/html' } }],
  ] as const) {
    it(what, async () => {
      endpoint().answer = () => ({ ...reply, body: { access_token: 'abc' } });
      const { outcome } = await refresh({ tokenUrl: endpoint().url }, { clientId: 'c', refreshToken: 'r' });
      assert.equal(outcome.kind, 'granted');
    });
  }

  it('with a refresh token that is null: the old one stays in use', async () => {
    endpoint().answer = () => ({ body: { access_token: 'abc', refresh_token: null } });
    const { outcome } = await refresh({ tokenUrl: endpoint().url }, { clientId: 'c', refreshToken: 'r' });
    assert.ok(outcome.kind === 'granted');
    assert.equal(outcome.grant.refreshSecret, undefined);
  });

  for (const [what, fields, lifetime, refreshLifetime] of [
    ['seconds', { expires_in: 3600 }, 3600, undefined],
    ['seconds as text', { expires_in: '3600' }, 3600, undefined],
    ["GitHub's", { expires_in: 28_800, refresh_token_expires_in: 15_897_600 }, 28_800, 15_897_600],
    ["Keycloak's", { expires_in: 300, refresh_expires_in: 1800 }, 300, 1800],
    ["Keycloak's for ever", { expires_in: 300, refresh_expires_in: 0 }, 300, undefined],
  ] as const) {
    it(`with lifetimes: ${what}`, async () => {
      endpoint().answer = () => ({ body: { access_token: 'abc', ...fields } });
      const { outcome } = await refresh({ tokenUrl: endpoint().url }, { clientId: 'c', refreshToken: 'r' });
      assert.ok(outcome.kind === 'granted');
      assert.deepEqual([outcome.grant.lifetime, outcome.grant.refreshLifetime], [lifetime, refreshLifetime]);
    });
  }

  it('and its response is handed on, for further values', async () => {
    endpoint().answer = () => ({
      headers: { 'x-shard': '7' },
      body: { access_token: 'abc', api_domain: 'https://eu' },
    });
    const { response } = await refresh({ tokenUrl: endpoint().url }, { clientId: 'c', refreshToken: 'r' });
    assert.deepEqual(
      [(response!.json as Record<string, unknown>)['api_domain'], response!.header('x-shard')],
      ['https://eu', '7'],
    );
  });
});
