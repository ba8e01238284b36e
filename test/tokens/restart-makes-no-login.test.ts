import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { serve, type Served } from '../support/process.ts';
import { sandboxConfigObject, startProxy, temporaryFolder } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';
import { tokenCalls, VENDORS } from '../support/world.ts';

describe('a restart', () => {
  let sandbox: Sandbox;
  let folder: string;
  let running: Served | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox();
    folder = temporaryFolder();
  });
  afterEach(async () => {
    await running?.end('SIGKILL');
    running = undefined;
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function configFile(): string {
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(sandboxConfigObject(sandbox, join(folder, 'data'))));
    return file;
  }

  it('in this process: no token call while the stored tokens live', async () => {
    for (let round = 0; round < 5; round += 1) {
      const proxy = await startProxy(sandbox, { folder });
      for (const { read } of VENDORS) assert.equal((await call(proxy.url, read)).status, 200);
      await proxy.stop();
    }
    for (const { vendor } of VENDORS) assert.equal(tokenCalls(sandbox, vendor), 1);
  });

  it('in this process: a token revoked while nobody ran is refreshed, not logged in for', async () => {
    let proxy = await startProxy(sandbox, { folder });
    for (const { read } of VENDORS) await call(proxy.url, read);
    await proxy.stop();
    for (const { vendor } of VENDORS) sandbox[vendor].revokeCurrent();
    proxy = await startProxy(sandbox, { folder });
    for (const { read } of VENDORS) assert.equal((await call(proxy.url, read)).status, 200);
    await proxy.stop();
    for (const { vendor, renewal } of VENDORS) {
      assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), renewal === 'login' ? 2 : 1);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'refresh' }), renewal === 'login' ? 0 : 1);
    }
  });

  it('of the real program, by SIGTERM and by SIGKILL: no token call, and what was stored last is what is used', async function () {
    requireBuild(this);
    this.timeout(60_000);
    const file = configFile();
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT', 'SIGKILL'] as const) {
      running = await serve(['-c', file]);
      for (const { read } of VENDORS) assert.equal((await call(running.url, read)).status, 200);
      const code = await running.end(signal);
      assert.equal(code, signal === 'SIGKILL' ? null : 0);
    }
    for (const { vendor } of VENDORS) assert.equal(tokenCalls(sandbox, vendor), 1);

    running = await serve(['-c', file]);
    sandbox.chatapp.revokeCurrent();
    assert.equal((await call(running.url, '/crm/v1/licenses')).status, 200);
    await running.end('SIGKILL');
    running = await serve(['-c', file]);
    assert.equal((await call(running.url, '/crm/v1/licenses')).status, 200);
    assert.equal(sandbox.ledger.last({ vendor: 'chatapp', kind: 'api' })?.tokenId, 'chatapp#2');
    assert.equal(tokenCalls(sandbox, 'chatapp'), 2);
  });

  it('of the real program, killed in the middle of a refresh: the refresh token is not spent again, the family is not revoked', async function () {
    requireBuild(this);
    this.timeout(60_000);
    const file = configFile();
    sandbox.chatapp.set({ rotation: 'strict' });
    sandbox.twin.set({ rotation: 'strict' });
    for (const { vendor, read } of VENDORS.slice(1)) {
      running = await serve(['-c', file]);
      await call(running.url, read);
      sandbox[vendor].revokeCurrent();
      // The pair is made and its answer held back: the worst moment to die.
      sandbox[vendor].set({ refreshMode: 'slow', slowMs: 30_000, refreshModeCount: 1 });
      const lost = call(running.url, read).catch(() => undefined);
      await eventually('the pair is made', () => sandbox[vendor].tokens.issued === 2);
      await running.end('SIGKILL');
      await lost;

      running = await serve(['-c', file]);
      const start = performance.now();
      assert.equal((await call(running.url, read)).status, 200);
      assert.ok(performance.now() - start < 15_000, 'the lease of the dead process was waited for');
      assert.equal(sandbox.ledger.count({ vendor, kind: 'refresh' }), 1);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'login' }), 2);
      assert.equal(sandbox.ledger.count({ vendor, where: ({ reason }) => reason === 'family-revoked' }), 0);
      await running.end('SIGKILL');
    }
  });

  it('of the real program in the middle of 50 calls, again and again: every answer is whole, and at most one login is made', async function () {
    requireBuild(this);
    this.timeout(60_000);
    const file = configFile();
    for (let round = 0; round < 3; round += 1) {
      running = await serve(['-c', file]);
      const { url } = running;
      const calls = Array.from({ length: 50 }, () =>
        call(url, '/crm/v1/sandbox/bytes/5000').then(
          ({ status, body }) => (status === 200 ? body.length : -status),
          () => 0,
        ),
      );
      await Promise.race(calls);
      await running.end('SIGKILL');
      for (const outcome of await Promise.all(calls)) assert.ok(outcome === 0 || outcome === 5_000, String(outcome));
    }
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'login' }), 1);
  });

  it('by SIGTERM during a renewal finishes it, stores it, and exits with 0', async function () {
    requireBuild(this);
    this.timeout(60_000);
    const file = configFile();
    running = await serve(['-c', file]);
    await call(running.url, '/crm/v1/licenses');
    sandbox.chatapp.revokeCurrent();
    sandbox.chatapp.set({ refreshMode: 'slow', slowMs: 1_000 });
    const waiting = call(running.url, '/crm/v1/licenses');
    await eventually(
      'the refresh is under way',
      () => sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }) === 1,
    );
    assert.equal(await running.end('SIGTERM'), 0);
    assert.equal((await waiting).status, 200);
    sandbox.chatapp.set({ refreshMode: 'normal' });
    running = await serve(['-c', file]);
    assert.equal((await call(running.url, '/crm/v1/licenses')).status, 200);
    assert.equal(tokenCalls(sandbox, 'chatapp'), 2);
  });
});

describe('changed credentials', () => {
  let sandbox: Sandbox;
  let folder: string;
  beforeEach(async () => {
    sandbox = await startSandbox();
    folder = temporaryFolder();
  });
  afterEach(async () => {
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('revive a dead credential; the same ones stay dead over a restart', async () => {
    const right = sandbox.softline.accounts[0]!;
    const wrong = { ...right, password: 'wrong' };
    const start = (credentials: typeof right): ReturnType<typeof startProxy> =>
      startProxy(sandbox, {
        folder,
        config: (base) => ({
          ...base,
          accounts: {
            ...(base['accounts'] as object),
            softline: { flow: 'softline', baseUrl: sandbox.urls.softline, credentials },
          },
        }),
      });
    for (let round = 0; round < 3; round += 1) {
      const proxy = await start(wrong);
      assert.equal((await call(proxy.url, '/softline/v1/order/77')).status, 503);
      await proxy.stop();
    }
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
    const proxy = await start(right);
    assert.equal((await call(proxy.url, '/softline/v1/order/77')).status, 200);
    assert.equal(tokenCalls(sandbox, 'softline'), 2);
    await proxy.stop();
  });

  it("of another user: the first user's token is not used for him", async () => {
    const other = { username: 'somebody-else', password: 'p' };
    sandbox.softline.accounts.push(other);
    let proxy = await startProxy(sandbox, { folder });
    await call(proxy.url, '/softline/v1/order/77');
    await proxy.stop();
    proxy = await startProxy(sandbox, {
      folder,
      config: (base) => ({
        ...base,
        accounts: {
          ...(base['accounts'] as object),
          softline: { flow: 'softline', baseUrl: sandbox.urls.softline, credentials: other },
        },
      }),
    });
    assert.equal((await call(proxy.url, '/softline/v1/order/77')).status, 200);
    await proxy.stop();
    assert.equal(sandbox.ledger.last({ vendor: 'softline', kind: 'api' })?.tokenId, 'softline#2');
    assert.equal(sandbox.softline.currentToken()?.owner, 'somebody-else');
  });
});
