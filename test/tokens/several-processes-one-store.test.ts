import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { serve, type Served } from '../support/process.ts';
import { sandboxConfigObject, temporaryFolder } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';
import { tokenCalls, VENDORS } from '../support/world.ts';

describe('four real processes that share one store', function () {
  this.timeout(60_000);
  let sandbox: Sandbox;
  let folder: string;
  let processes: Served[] = [];
  before(async function () {
    requireBuild(this);
    sandbox = await startSandbox();
    folder = temporaryFolder();
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(sandboxConfigObject(sandbox, join(folder, 'data'))));
    // Started together: the store and its key are made by one of them.
    processes = await Promise.all(Array.from({ length: 4 }, () => serve(['-c', file])));
  });
  after(async () => {
    await Promise.all(processes.map((one) => one.end('SIGKILL')));
    await sandbox?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  for (const { vendor, read, renewal } of VENDORS) {
    it(`${vendor}: the first calls, in all of them at once, cost one login`, async () => {
      sandbox[vendor].set({ loginDelayMs: 100 });
      const answers = await Promise.all(
        processes.flatMap(({ url }) => Array.from({ length: 25 }, () => call(url, read))),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      assert.equal(tokenCalls(sandbox, vendor), 1);
      sandbox[vendor].set({ loginDelayMs: 0 });
    });

    it(`${vendor}: each of 5 revocations costs one ${renewal} in all of them together, and nobody sees it`, async () => {
      sandbox[vendor].set({ deadTokenDelayMs: { min: 0, max: 150 } });
      if (renewal === 'refresh') (vendor === 'chatapp' ? sandbox.chatapp : sandbox.twin).set({ rotation: 'strict' });
      const before = tokenCalls(sandbox, vendor);
      for (let round = 1; round <= 5; round += 1) {
        sandbox[vendor].revokeCurrent();
        const answers = await Promise.all(
          processes.flatMap(({ url }) => Array.from({ length: 15 }, () => call(url, read))),
        );
        assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200], `round ${round}`);
        assert.equal(tokenCalls(sandbox, vendor) - before, round);
      }
      const spent = sandbox.ledger.entries({ vendor, kind: 'refresh' }).map(({ refreshTokenId }) => refreshTokenId);
      assert.equal(new Set(spent).size, spent.length, 'a refresh token was spent twice');
      sandbox[vendor].set({ deadTokenDelayMs: { min: 0, max: 0 } });
    });
  }

  it('one of them is killed while it renews: another one takes over within seconds', async () => {
    const [first, second] = processes as [Served, Served];
    await call(first.url, '/softline/v1/order/77');
    sandbox.softline.revokeCurrent();
    sandbox.softline.set({ loginMode: 'slow', slowMs: 30_000, loginModeCount: 1 });
    const before = tokenCalls(sandbox, 'softline');
    const lost = call(first.url, '/softline/v1/order/77').catch(() => undefined);
    await eventually('the login is under way', () => tokenCalls(sandbox, 'softline') === before + 1);
    const waiting = call(second.url, '/softline/v1/order/77');
    await first.end('SIGKILL');
    await lost;
    const start = performance.now();
    assert.equal((await waiting).status, 200);
    assert.ok(performance.now() - start < 15_000, "the dead process's lease was waited for");
    assert.equal(tokenCalls(sandbox, 'softline'), before + 2);
    processes = processes.slice(1);
  });

  it('one of them finds the password wrong: the others do not try it', async () => {
    sandbox.chatapp.revokeRefresh();
    sandbox.chatapp.revokeCurrent();
    sandbox.chatapp.set({
      loginMode: { status: 401, body: { success: false, error: { code: 'ApiInvalidCredentialsError' } } },
    });
    const before = sandbox.ledger.count({ vendor: 'chatapp', kind: 'login' });
    for (const { url } of [...processes, ...processes]) assert.equal((await call(url, '/crm/v1/licenses')).status, 503);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'login' }), before + 1);
  });
});
