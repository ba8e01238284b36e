import assert from 'node:assert/strict';
import { call, freshSandbox, softline } from './client.ts';

describe('sandbox: softline judges tokens', () => {
  const sandbox = freshSandbox();

  it('counts a request with only Authorization as without a token (1008)', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    const response = await call(sandbox().urls.softline, '/v1/order/1', {
      headers: { Authorization: `Bearer ${accessToken}` },
    });
    assert.deepEqual([response.status, response.at('errors.0.error')], [401, 1008]);
  });

  it('says 1007 to an unknown token, to a revoked one, and to one without Bearer', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    assert.equal((await softline.get(sandbox(), 'nonsense')).at('errors.0.error'), 1007);
    const bare = await call(sandbox().urls.softline, '/v1/order/1', { headers: { AuthorizationJWT: accessToken } });
    assert.equal(bare.at('errors.0.error'), 1007);
    sandbox().softline.revokeCurrent();
    assert.equal((await softline.get(sandbox(), accessToken)).at('errors.0.error'), 1007);
  });

  it('says 1009 to an expired token', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    sandbox().softline.expireCurrent();
    const response = await softline.get(sandbox(), accessToken);
    assert.deepEqual([response.status, response.at('errors.0.error')], [401, 1009]);
  });

  it('has no refresh', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    const response = await call(sandbox().urls.softline, '/v1/tokens/refresh', { method: 'POST' });
    assert.equal(response.status, 401);
    sandbox().softline.revokeRefresh();
    assert.equal((await softline.get(sandbox(), accessToken)).status, 200);
    assert.equal(sandbox().ledger.count({ kind: 'refresh' }), 0);
  });
});
