import assert from 'node:assert/strict';
import http from 'node:http';
import { call, freshSandbox } from './client.ts';

describe('sandbox: under load', () => {
  const sandbox = freshSandbox();

  it('answers 2,000 clients that connect at once', async () => {
    const { accessToken } = sandbox().chatapp.issueToken();
    const one = () => call(sandbox().urls.chatapp, '/v1/me', { headers: { Authorization: accessToken } });
    const responses = await Promise.all(Array.from({ length: 2_000 }, one));
    assert.ok(responses.every((response) => response.status === 200));
    await sandbox().ledger.idle();
    assert.equal(sandbox().ledger.count({ outcome: 'ok' }), 2_000);
  });

  it('stands 10,000 requests over kept connections', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });
    const headers = { AuthorizationJWT: `Bearer ${accessToken}` };
    let left = 10_000;
    const worker = async () => {
      while (left-- > 0) {
        const response = await call(sandbox().urls.softline, '/v1/payment', { json: { order_id: 1 }, headers, agent });
        assert.equal(response.status, 200);
      }
    };
    await Promise.all(Array.from({ length: 50 }, worker));
    agent.destroy();
    assert.equal(sandbox().ledger.count({ applied: true }), 10_000);
  });
});
