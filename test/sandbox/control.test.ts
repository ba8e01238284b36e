import assert from 'node:assert/strict';
import { call, chatapp, freshSandbox, text } from './client.ts';

describe('sandbox: control API', () => {
  const sandbox = freshSandbox();
  const control = (target: string, options: Parameters<typeof call>[2] = {}) =>
    call(sandbox().urls.control, target, options);

  it('says what there is', async () => {
    const help = await control('/');
    assert.equal(help.at('urls.chatapp'), sandbox().urls.chatapp);
    assert.equal(help.at('credentials.twin.email'), 'bots@sandbox.example');
    assert.equal(typeof help.at('settings.chatapp.rotation'), 'string');
  });

  it('shows a vendor without its secrets, and changes settings', async () => {
    const { accessToken } = sandbox().chatapp.issueToken();
    const state = await control('/chatapp');
    assert.equal(state.at('current.id'), 'chatapp#1');
    assert.ok(!state.text.includes(accessToken));
    const set = await control('/chatapp', { method: 'PATCH', json: { deadTokenStatus: 401 } });
    assert.equal(set.at('settings.deadTokenStatus'), 401);
    assert.equal(sandbox().chatapp.settings.deadTokenStatus, 401);
  });

  it('refuses an unknown setting naming the nearest, and nonsense', async () => {
    const response = await control('/chatapp', { method: 'PATCH', json: { deadTokenStatuss: 401 } });
    assert.equal(response.status, 400);
    assert.match(text(response, 'error'), /"deadTokenStatus"/);
    assert.equal((await control('/chatapp', { method: 'PATCH', body: '[]' })).status, 400);
    assert.equal((await control('/nobody')).status, 404);
    assert.equal((await control('/chatapp/explode', { method: 'POST' })).status, 404);
    assert.equal((await control('/chatapp/revoke')).status, 405);
  });

  it('expires, revokes and resets', async () => {
    const act = (action: string) => control(`/chatapp/${action}`, { method: 'POST' });
    const made = await chatapp.login(sandbox());
    await act('expire');
    assert.equal(sandbox().chatapp.currentToken()?.accessState, 'expired');
    await act('revoke');
    assert.equal(sandbox().chatapp.currentToken()?.accessState, 'revoked');
    await act('revoke-refresh');
    assert.equal((await chatapp.refresh(sandbox(), text(made, 'data.refreshToken'))).status, 403);
    assert.equal((await act('reset')).at('current'), null);
  });

  it('reads and clears the ledger', async () => {
    await chatapp.login(sandbox());
    await chatapp.get(sandbox(), 'x');
    const all = await control('/ledger');
    assert.equal((all.at('entries') as unknown[]).length, 2);
    assert.equal(all.at('last'), 2);
    const logins = await control('/ledger?vendor=chatapp&kind=login');
    assert.equal((logins.at('entries') as unknown[]).length, 1);
    assert.deepEqual((await control('/ledger?since=2')).at('entries'), []);
    assert.equal((await control('/ledger?kind=odd')).status, 400);
    assert.equal((await control('/ledger', { method: 'DELETE' })).status, 200);
    assert.equal(sandbox().ledger.count(), 0);
  });

  it('refuses pages of other sites', async () => {
    const from = (headers: Record<string, string>) => control('/chatapp/reset', { method: 'POST', headers });
    assert.equal((await from({ Origin: 'https://evil.example' })).status, 403);
    assert.equal((await from({ Origin: 'null' })).status, 403);
    assert.equal((await from({ 'Sec-Fetch-Site': 'cross-site' })).status, 403);
    assert.equal((await from({ Host: 'evil.example' })).status, 403);
    assert.equal((await from({ Origin: sandbox().urls.control })).status, 200);
  });
});
