import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../support/call.ts';
import { sandboxConfigObject } from '../support/proxy.ts';
import { freshPool, runs } from './worker-pool.ts';
import { startLoad } from './load.ts';

const READS = ['/softline/v1/order/77', '/crm/v1/licenses', '/twin/iam/api/v1/users/me'];

describe('SIGHUP to a tokenward of several workers', function () {
  this.timeout(120_000);
  const pool = freshPool();

  it('replaces them under load, three times: no request fails, and nobody logs in', async function () {
    const { sandbox, served, restart, pids } = await pool(this, 2);
    for (const read of READS) await call(served.url, read);
    sandbox.ledger.clear();
    const load = startLoad(served.url, READS, { keeping: 12, making: 6, pause: 60 });
    let before = await pids();
    for (let round = 1; round <= 3; round += 1) {
      await restart();
      const now = await pids();
      assert.equal(now.length, 2);
      assert.deepEqual(
        now.filter((pid) => before.includes(pid)),
        [],
        'a worker was not replaced',
      );
      assert.deepEqual(before.filter(runs), [], 'a replaced worker is still there');
      before = now;
    }
    const results = await load.stop();
    assert.deepEqual([...results.keys()], ['200'], JSON.stringify([...results]));
    assert.ok(results.get('200')! > 300, `only ${results.get('200')!} requests`);
    assert.equal(sandbox.ledger.count({ where: ({ kind }) => kind !== 'api' }), 0);
    assert.equal(served.child.exitCode, null);
  });

  it('lets a long answer end, and serves with the new one meanwhile', async function () {
    const { served, restart, callAnew } = await pool(this, 2, { shutdown: { drain: '20s' } });
    await call(served.url, READS[0]!);
    const long = Array.from({ length: 4 }, () => callAnew('/softline/v1/sandbox/slow-body?pieces=40&ms=100'));
    await sleep(500);
    const done = restart();
    await sleep(1_500);
    assert.equal((await callAnew(READS[0]!)).status, 200);
    assert.deepEqual(
      (await Promise.all(long)).map(({ status, text }) => [status, text.split('\n').length]),
      Array.from({ length: 4 }, () => [200, 41]),
    );
    await done;
  });

  it('takes the configuration into use as it is now', async function () {
    const { sandbox, served, restart, configure, callAnew, status } = await pool(this, 2);
    assert.equal((await callAnew('/shop/v1/order/77')).status, 404);
    const base = sandboxConfigObject(sandbox, 'unused');
    configure({
      workers: 3,
      routes: [
        ...(base['routes'] as object[]),
        { prefix: '/shop', upstream: sandbox.urls.softline, account: 'softline' },
      ],
    });
    await restart();
    for (let index = 0; index < 6; index += 1) assert.equal((await callAnew('/shop/v1/order/77')).status, 200);
    assert.equal((await status()).workers!.length, 3);
    configure({ workers: 1 });
    await restart();
    assert.equal((await callAnew('/shop/v1/order/77')).status, 404);
    assert.deepEqual(
      (await status()).workers!.map(({ worker, state }) => [worker, state]),
      [[1, 'up']],
    );
    assert.equal(await served.end(), 0);
  });

  it('keeps a second SIGHUP until the first is done', async function () {
    const { served, pids, callAnew, lines, logged } = await pool(this, 2);
    const before = await pids();
    served.child.kill('SIGHUP');
    await logged('replacing the workers');
    served.child.kill('SIGHUP');
    while (lines().filter(({ msg }) => msg.startsWith('all workers run')).length < 2) await sleep(50);
    const steps = lines()
      .filter(({ msg }) => msg.startsWith('replacing the workers') || msg.startsWith('all workers run'))
      .map(({ msg }) => msg.split(' ')[0]);
    assert.deepEqual(steps, ['replacing', 'all', 'replacing', 'all']);
    const now = await pids();
    assert.deepEqual([now.length, now.filter((pid) => before.includes(pid))], [2, []]);
    assert.equal((await callAnew(READS[0]!)).status, 200);
  });
});
