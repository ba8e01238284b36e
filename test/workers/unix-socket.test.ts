import assert from 'node:assert/strict';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { sandboxConfigObject } from '../support/proxy.ts';
import { freshPool } from './worker-pool.ts';
import { startLoad } from './load.ts';

const READ = '/softline/v1/order/77';

for (const workers of [1, 2]) {
  describe(`a Unix socket and workers: ${workers}`, function () {
    this.timeout(60_000);
    const pool = freshPool();
    const folder = freshFolder();
    const path = (): string => join(folder(), 'proxy.sock');

    it('is served by all of them, has its mode, and is gone after SIGTERM', async function () {
      const store = { type: 'embedded', path: join(folder(), 'store') };
      const { sandbox, served, callAnew, status } = await pool(this, workers, { listen: { socket: path() }, store });
      assert.equal(served.url, `unix:${path()}`);
      assert.equal((statSync(path()).mode & 0o777).toString(8), '660');
      for (let index = 0; index < 6; index += 1) assert.equal((await callAnew(READ)).status, 200);
      assert.equal(sandbox.ledger.count({ vendor: 'softline', kind: 'api' }), 6);
      if (workers > 1) {
        const shown = (await status()).workers!;
        assert.deepEqual(
          shown.map(({ requests }) => requests),
          [3, 3],
        );
      }
      // The socket's mode is none of what else is made: a folder of 0600 would be of no use.
      assert.equal((statSync(store.path).mode & 0o700).toString(8), '700');
      assert.equal(await served.end(), 0);
      assert.ok(!existsSync(path()));
    });

    it('of a process that was killed is no obstacle to the next; that of one that runs is', async function () {
      const listen = { socket: path() };
      const first = await pool(this, workers, { listen });
      await first.served.end('SIGKILL');
      assert.ok(lstatSync(path()).isSocket());
      const second = await pool(this, workers, { listen });
      assert.equal((await second.callAnew(READ)).status, 200);
      const third = { ...sandboxConfigObject(second.sandbox, join(folder(), 'store')), workers, listen };
      const { code, stderr } = await run(['serve', '-c', writeConfig(folder(), third)]);
      assert.equal(code, 1);
      const why = 'the socket is in use; stop the other program or choose another path.';
      assert.ok(stderr.split('\n').includes(`tokenward: Cannot listen on ${path()} (proxy): ${why}`), stderr);
      assert.equal((await second.callAnew(READ)).status, 200);
    });
  });
}

describe('SIGHUP to several workers behind a Unix socket', function () {
  this.timeout(90_000);
  const pool = freshPool();
  const folder = freshFolder();

  it('replaces them under load and no request fails', async function () {
    const path = join(folder(), 'proxy.sock');
    const { served, restart, pids } = await pool(this, 2, { listen: { socket: path } });
    await call(served.url, READ);
    const load = startLoad(served.url, [READ], { keeping: 8, making: 4, pause: 60 });
    const before = await pids();
    await restart();
    assert.deepEqual(
      (await pids()).filter((pid) => before.includes(pid)),
      [],
    );
    const results = await load.stop();
    assert.deepEqual([...results.keys()], ['200'], JSON.stringify([...results]));
    assert.ok(lstatSync(path).isSocket());
  });

  it('takes another mode and another path into use, and removes the file of the old one', async function () {
    const [one, two] = [join(folder(), 'one.sock'), join(folder(), 'two.sock')];
    const { served, restart, configure, logged } = await pool(this, 2, { listen: { socket: one } });
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    configure({ listen: { socket: one, socketMode: '0600' } });
    await restart();
    assert.equal(mode(one), '600');
    configure({ listen: { socket: two, socketMode: '0666' }, allowAnonymous: true });
    await restart();
    assert.equal(mode(two), '666');
    await eventually('the old file is gone', () => !existsSync(one));
    assert.equal((await call(`unix:${two}`, READ)).status, 200);
    // A path that cannot be used changes nothing.
    writeConfig(folder(), 'content', 'three.sock');
    configure({ listen: { socket: join(folder(), 'three.sock') } });
    served.child.kill('SIGHUP');
    await logged('nothing has changed');
    assert.equal((await call(`unix:${two}`, READ)).status, 200);
    configure({ listen: { host: '127.0.0.1', port: 0 } });
    await restart();
    await eventually('the socket is gone', () => !existsSync(two));
    assert.equal(await served.end(), 0);
  });

  it('keeps the mode when all workers have crashed and new ones bind it anew', async function () {
    const path = join(folder(), 'proxy.sock');
    const { pids, callAnew, logged } = await pool(this, 2, { listen: { socket: path, socketMode: '0600' } });
    for (const pid of await pids()) process.kill(pid, 'SIGKILL');
    await logged('a new worker is up');
    assert.equal((statSync(path).mode & 0o777).toString(8), '600');
    assert.equal((await callAnew(READ)).status, 200);
  });
});
