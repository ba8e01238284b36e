import assert from 'node:assert/strict';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { freshWorld, ownCode } from '../support/world.ts';

describe('tokenward renew --login', () => {
  const world = freshWorld();
  const renew = (...options: string[]): ReturnType<typeof run> =>
    run(['renew', 'crm', ...options, '--operator', world().proxy.operatorUrl]);
  const calls = (): string[] =>
    world()
      .sandbox.ledger.entries({ vendor: 'chatapp', where: ({ kind }) => kind !== 'api' })
      .map(({ kind, outcome }) => `${kind} ${outcome}`);

  it('logs in though there is a refresh token to spend', async function () {
    requireBuild(this);
    await world().call('/crm/v1/licenses');
    assert.deepEqual(await renew('--login'), { code: 0, stdout: 'crm has a new token, generation 2\n', stderr: '' });
    assert.deepEqual(calls(), ['login ok', 'login ok']);
  });

  it('helps at once where the refresh fails whatever one does', async function () {
    requireBuild(this);
    const { call, sandbox } = world();
    await call('/crm/v1/licenses');
    sandbox.chatapp.set({ refreshMode: 'status-500' });
    sandbox.chatapp.revokeCurrent();
    await call('/crm/v1/licenses');
    assert.equal((await renew('--login')).code, 0);
    assert.equal((await call('/crm/v1/licenses')).status, 200);
  });

  it('with --use-reserve spends what is kept for an operator; without it the budget holds', async function () {
    requireBuild(this);
    const { call, sandbox, proxy } = world();
    for (let login = 0; login < 80; login += 1) await proxy.app.tokens.renewNow('crm', { login: true });
    const without = await renew('--login');
    assert.equal(without.code, 1);
    assert.match(without.stderr, /login_budget_exhausted/);
    assert.equal((await renew('--login', '--use-reserve')).code, 0);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'login' }), 81);
    sandbox.chatapp.revokeRefresh();
    sandbox.chatapp.revokeCurrent();
    assert.equal(ownCode(await call('/crm/v1/licenses')), 'login_budget_exhausted');
  });
});
