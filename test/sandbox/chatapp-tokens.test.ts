import assert from 'node:assert/strict';
import { call, chatapp, freshSandbox, text } from './client.ts';

describe('sandbox: chatapp tokens', () => {
  const sandbox = freshSandbox();

  it('answers tokens.make with the documented envelope and unix seconds', async () => {
    const before = Math.floor(Date.now() / 1000);
    const response = await chatapp.login(sandbox());
    assert.equal(response.status, 200);
    assert.equal(response.at('success'), true);
    const data = response.at('data') as Record<string, unknown>;
    assert.deepEqual(Object.keys(data), [
      'cabinetUserId',
      'accessToken',
      'accessTokenEndTime',
      'refreshToken',
      'refreshTokenEndTime',
    ]);
    assert.ok(Math.abs(Number(data['accessTokenEndTime']) - before - 86_400) <= 2);
    assert.ok(Math.abs(Number(data['refreshTokenEndTime']) - before - 14 * 86_400) <= 2);
  });

  it('makes bcrypt-like tokens of 60 characters, or hex ones of 64', async () => {
    const bcrypt = text(await chatapp.login(sandbox()), 'data.accessToken');
    assert.match(bcrypt, /^\$2y\$10\$[./A-Za-z0-9]{53}$/);
    assert.ok(bcrypt.includes('/') && bcrypt.includes('.'));
    sandbox().chatapp.set({ tokenShape: 'hex' });
    assert.match(text(await chatapp.login(sandbox()), 'data.accessToken'), /^[0-9a-f]{64}$/);
  });

  it('plants a prefix in both tokens', async () => {
    sandbox().chatapp.set({ tokenPrefix: 'canary-' });
    const response = await chatapp.login(sandbox());
    assert.match(text(response, 'data.accessToken'), /^canary-/);
    assert.match(text(response, 'data.refreshToken'), /^canary-/);
  });

  it('refuses a wrong password with success:false', async () => {
    const response = await chatapp.login(sandbox(), { ...sandbox().credentials.chatapp, password: 'no' });
    assert.equal(response.at('success'), false);
    assert.notEqual(response.at('error.code'), 'ApiInvalidTokenError');
    assert.equal(sandbox().ledger.last()?.outcome, 'refused');
  });

  it('says 422 when a field is missing', async () => {
    const response = await chatapp.login(sandbox(), { email: 'a@b.example' });
    assert.deepEqual([response.status, response.at('success')], [422, false]);
  });

  it('refreshes with the Refresh header and an empty body', async () => {
    const { refreshToken } = sandbox().chatapp.issueToken();
    const response = await chatapp.refresh(sandbox(), refreshToken ?? '');
    assert.equal(response.status, 200);
    assert.equal((await chatapp.get(sandbox(), text(response, 'data.accessToken'))).status, 200);
  });

  it('says ApiInvalidRefreshTokenError to a dead, unknown or missing refresh token', async () => {
    const { refreshToken } = sandbox().chatapp.issueToken();
    sandbox().chatapp.expireRefresh();
    const code = async (token: string) => (await chatapp.refresh(sandbox(), token)).at('error.code');
    assert.equal(await code(refreshToken ?? ''), 'ApiInvalidRefreshTokenError');
    assert.equal(await code('unknown'), 'ApiInvalidRefreshTokenError');
    const none = await call(sandbox().urls.chatapp, '/v1/tokens/refresh', { method: 'POST' });
    assert.equal(none.at('error.code'), 'ApiInvalidRefreshTokenError');
  });

  it('takes the token raw: Bearer before it makes it unknown', async () => {
    const { accessToken } = sandbox().chatapp.issueToken();
    assert.equal((await chatapp.get(sandbox(), accessToken)).status, 200);
    assert.equal((await chatapp.get(sandbox(), `Bearer ${accessToken}`)).at('error.code'), 'ApiInvalidTokenError');
  });

  it('lets a second account log in', async () => {
    const other = { email: 'other@sandbox.example', password: 'other', appId: 'app_7_1' };
    sandbox().chatapp.accounts.push(other);
    await chatapp.login(sandbox());
    await chatapp.login(sandbox(), other);
    const first = sandbox().chatapp.currentToken('crm@sandbox.example+app_104233_1');
    sandbox().chatapp.revokeCurrent('other@sandbox.example+app_7_1');
    assert.equal((await chatapp.get(sandbox(), first?.accessToken ?? '')).status, 200);
    assert.equal((await chatapp.get(sandbox(), sandbox().chatapp.currentToken()?.accessToken ?? '')).status, 403);
  });
});
