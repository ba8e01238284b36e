import assert from 'node:assert/strict';
import http from 'node:http';
import { chatapp, freshSandbox, text } from './client.ts';

describe('sandbox: revoking', () => {
  const sandbox = freshSandbox();

  it('holds for a request whose body is still arriving', async () => {
    const { accessToken } = sandbox().chatapp.issueToken();
    const req = http.request(`${sandbox().urls.chatapp}/v1/anything`, {
      method: 'POST',
      agent: false,
      headers: { Authorization: accessToken, 'content-length': '2' },
    });
    const status = new Promise((resolve, reject) => {
      req.on('error', reject);
      req.on('response', (res) => {
        res.resume();
        resolve(res.statusCode);
      });
    });
    req.write('a');
    while (sandbox().ledger.open().chatapp === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    sandbox().chatapp.revokeCurrent();
    req.end('b');
    assert.equal(await status, 403);
  });

  it('revokeAll kills every access token and leaves the refresh tokens', async () => {
    const one = sandbox().chatapp.issueToken();
    const two = sandbox().chatapp.issueToken();
    sandbox().chatapp.revokeAll();
    assert.equal((await chatapp.get(sandbox(), one.accessToken)).status, 403);
    assert.equal((await chatapp.get(sandbox(), two.accessToken)).status, 403);
    assert.equal((await chatapp.refresh(sandbox(), two.refreshToken ?? '')).status, 200);
  });

  it('revokeCurrent takes the newest one only', async () => {
    const one = sandbox().chatapp.issueToken();
    const two = sandbox().chatapp.issueToken();
    sandbox().chatapp.revokeCurrent();
    assert.equal((await chatapp.get(sandbox(), one.accessToken)).status, 200);
    assert.equal((await chatapp.get(sandbox(), two.accessToken)).status, 403);
  });

  it('reset forgets tokens, quota and settings', async () => {
    sandbox().chatapp.set({ deadTokenStatus: 401, quotaLimit: 1, loginPatch: { 'data.extra': 1 } });
    const token = text(await chatapp.login(sandbox()), 'data.accessToken');
    sandbox().chatapp.reset();
    assert.equal((await chatapp.get(sandbox(), token)).status, 403);
    assert.equal(sandbox().chatapp.currentToken(), null);
    assert.equal(sandbox().chatapp.quotaUsed(), 0);
    assert.deepEqual(sandbox().chatapp.settings.loginPatch, {});
  });
});
