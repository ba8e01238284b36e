import assert from 'node:assert/strict';
import { call, metric, operator } from '../support/call.ts';
import { freshWorld } from '../support/world.ts';

describe('/healthz', () => {
  const world = freshWorld();

  it('says ok while the process answers, whatever its accounts do', async () => {
    const { proxy, sandbox, call: through } = world();
    sandbox.softline.accounts.length = 0;
    await through('/softline/v1/order/7');
    const { status, text, headers } = await call(proxy.operatorUrl, '/healthz');
    assert.deepEqual([status, text, headers['cache-control']], [200, 'ok\n', 'no-store']);
  });
});

describe('/readyz', () => {
  const world = freshWorld();
  const ready = (): Promise<{ status: number; body: unknown }> => operator(world().proxy.operatorUrl, '/readyz');

  it('says yes when all accounts have a token or can get one', async () => {
    assert.deepEqual(await ready(), { status: 200, body: { ready: true, problems: [] } });
    await world().call('/softline/v1/order/7');
    assert.deepEqual(await ready(), { status: 200, body: { ready: true, problems: [] } });
  });

  it('names the account whose credentials are dead, and why', async () => {
    const { sandbox, call: through, proxy } = world();
    sandbox.softline.accounts[0] = { ...sandbox.softline.accounts[0]!, password: 'another' };
    assert.equal((await through('/softline/v1/order/7')).status, 503);
    assert.deepEqual(await ready(), { status: 503, body: { ready: false, problems: [{ account: 'softline', problem: 'the upstream refused the login (status 401, code 1006)' }] } });
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_credential_dead', { account: 'softline' }), 1);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_account_ready', { account: 'softline' }), 0);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_account_ready', { account: 'twin' }), 1);
  });

  it('names an account that can get no token, and why', async () => {
    const { sandbox, call: through } = world();
    sandbox.twin.set({ loginMode: 'status-500' });
    assert.equal((await through('/twin/iam/api/v1/users/me')).status, 502);
    assert.deepEqual(await ready(), { status: 503, body: { ready: false, problems: [{ account: 'twin', problem: 'the login failed (status_5xx)' }] } });
  });

  it('says yes while the old token lives, though its renewal fails', async () => {
    const { sandbox, call: through, proxy } = world();
    await through('/twin/iam/api/v1/users/me');
    sandbox.twin.set({ refreshMode: 'status-500', loginMode: 'status-500' });
    await call(proxy.operatorUrl, '/renew/twin', { method: 'POST' });
    assert.equal((await ready()).status, 200);
    assert.equal((await through('/twin/iam/api/v1/users/me')).status, 200);
  });

  it('says yes again when the trouble is over', async () => {
    const { sandbox, call: through, proxy } = world();
    sandbox.twin.set({ loginMode: 'status-500', loginModeCount: 1 });
    await through('/twin/iam/api/v1/users/me');
    assert.equal((await ready()).status, 503);
    // An operator does not have to wait for the back-off.
    assert.equal((await call(proxy.operatorUrl, '/renew/twin', { method: 'POST' })).status, 200);
    assert.deepEqual(await ready(), { status: 200, body: { ready: true, problems: [] } });
  });
});
