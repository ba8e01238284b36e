import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call, metric } from '../support/call.ts';
import { FakeClock } from '../support/clock.ts';
import { run } from '../support/process.ts';
import { startProxy, temporaryFolder, type RunningProxy } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';
import { ownCode } from '../support/world.ts';

describe("ChatApp's quota of logins", () => {
  const clock = new FakeClock();
  let sandbox: Sandbox;
  let folder: string;
  let proxy: RunningProxy;
  const start = async (): Promise<void> => {
    proxy = await startProxy(sandbox, {
      folder,
      surroundings: { clock },
      config: (base) => {
        const accounts = base['accounts'] as Record<string, object>;
        return {
          ...base,
          // The same email and appId under another name: the upstream counts them as one.
          accounts: { ...accounts, crm2: accounts['crm'] },
          routes: [
            ...(base['routes'] as object[]),
            { prefix: '/crm2', upstream: sandbox.urls.chatapp, account: 'crm2' },
          ],
        };
      },
    });
  };
  const logins = (): number => sandbox.ledger.count({ vendor: 'chatapp', kind: 'login' });
  /** A call for which only a login helps. */
  const withoutRefresh = async (prefix = '/crm'): ReturnType<typeof call> => {
    sandbox.chatapp.revokeAll();
    sandbox.chatapp.revokeRefresh();
    return call(proxy.url, `${prefix}/v1/licenses`);
  };
  before(async () => {
    sandbox = await startSandbox();
    folder = temporaryFolder();
    await start();
  });
  after(async () => {
    await proxy.stop();
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('80 logins are made, by both accounts together; then 503 login_budget_exhausted with Retry-After', async () => {
    let first: Awaited<ReturnType<typeof call>> | undefined;
    for (let i = 0; i < 90 && first === undefined; i += 1) {
      const answer = await withoutRefresh(i % 2 === 0 ? '/crm' : '/crm2');
      if (answer.status !== 200) first = answer;
      clock.pass(1_000);
    }
    assert.equal(logins(), 80);
    assert.equal(first?.status, 503);
    assert.equal(ownCode(first), 'login_budget_exhausted');
    assert.ok(Number(first.headers['retry-after']) > 80_000);
    for (let i = 0; i < 20; i += 1) assert.equal(ownCode(await withoutRefresh('/crm2')), 'login_budget_exhausted');
    assert.equal(logins(), 80);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_login_budget_remaining', { account: 'crm' }), 0);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_login_budget_limit', { account: 'crm' }), 80);
  });

  it('a restart does not bring them back', async () => {
    await proxy.stop();
    await start();
    assert.equal(ownCode(await withoutRefresh()), 'login_budget_exhausted');
    assert.equal(logins(), 80);
  });

  it('an operator spends the reserve with tokenward renew --use-reserve, and only with it', async function () {
    requireBuild(this);
    this.timeout(60_000);
    const without = await run(['renew', 'crm', '--operator', proxy.operatorUrl]);
    assert.equal(without.code, 1);
    assert.match(without.stderr, /login_budget_exhausted/);
    assert.equal(logins(), 80);
    const renewed = await run(['renew', 'crm', '--use-reserve', '--operator', proxy.operatorUrl]);
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.equal(logins(), 81);
    assert.equal((await call(proxy.url, '/crm/v1/licenses')).status, 200);
    assert.equal(ownCode(await withoutRefresh()), 'login_budget_exhausted');
  });

  it('a day after the first one there is one again', async () => {
    clock.pass(86_400_000);
    assert.equal((await withoutRefresh()).status, 200);
  });
});
