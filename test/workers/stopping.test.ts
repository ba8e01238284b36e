import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { operator } from '../support/operator.ts';
import { serve } from '../support/process.ts';
import { tokenCalls } from '../support/world.ts';
import { freshPool, runs } from './worker-pool.ts';

const READ = '/softline/v1/order/77';

describe('a tokenward of several workers that is told to stop', function () {
  this.timeout(60_000);
  const pool = freshPool();

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`by ${signal} lets the requests of all of them end, and leaves no process`, async function () {
      const { served, pids, callAnew } = await pool(this, 3);
      await callAnew(READ);
      const workers = await pids();
      const answers = Array.from({ length: 9 }, () => callAnew('/softline/v1/sandbox/slow-body?pieces=20&ms=100'));
      await sleep(500);
      const ended = served.end(signal);
      assert.deepEqual(
        (await Promise.all(answers)).map(({ status, text }) => [status, text.split('\n').length]),
        Array.from({ length: 9 }, () => [200, 21]),
      );
      assert.equal(await ended, 0);
      assert.deepEqual(workers.filter(runs), []);
    });
  }

  it('from a terminal, where the signal comes to every process, does so too', async function () {
    const { served, pids, callAnew } = await pool(this, 2);
    await callAnew(READ);
    const workers = await pids();
    const answers = Array.from({ length: 4 }, () => callAnew('/softline/v1/sandbox/slow-body?pieces=15&ms=100'));
    await sleep(500);
    for (const pid of workers) process.kill(pid, 'SIGINT');
    const ended = served.end('SIGINT');
    assert.deepEqual(
      (await Promise.all(answers)).map(({ status, text }) => [status, text.split('\n').length]),
      Array.from({ length: 4 }, () => [200, 16]),
    );
    assert.equal(await ended, 0);
    assert.deepEqual(workers.filter(runs), []);
  });

  it('is not ready at once, and accepts requests until the delay is over', async function () {
    const { served, callAnew } = await pool(this, 2, { shutdown: { delay: '2s', drain: '1s' } });
    await callAnew(READ);
    const ended = served.end('SIGTERM');
    await sleep(300);
    await operator(served)
      .get('/readyz')
      .expect(503, { ready: false, problems: [{ problem: 'shutting down' }] });
    assert.equal((await callAnew(READ)).status, 200);
    assert.equal(await ended, 0);
  });

  it('in the middle of a restart ends all the same', async function () {
    const { served, pids, logged } = await pool(this, 2);
    const workers = await pids();
    served.child.kill('SIGHUP');
    await logged('replacing the workers');
    await sleep(200);
    assert.equal(await served.end(), 0);
    assert.deepEqual(workers.filter(runs), []);
  });

  it('by SIGKILL to its primary finishes a renewal that is under way, and stores its token', async function () {
    const { sandbox, served, pids, callAnew } = await pool(this, 2);
    const workers = await pids();
    sandbox.softline.set({ loginDelayMs: 1_500 });
    const answer = callAnew(READ).then(
      ({ status }) => status,
      () => 'cut',
    );
    await eventually('the login is under way', () => tokenCalls(sandbox, 'softline') === 1);
    await served.end('SIGKILL');
    assert.equal(await answer, 200);
    await eventually('the workers have ended', () => !workers.some(runs));

    sandbox.softline.set({ loginDelayMs: 0 });
    const again = await serve(['-c', served.child.spawnargs.at(-1)!]);
    try {
      assert.equal((await fetch(`${again.url}${READ}`)).status, 200);
    } finally {
      await again.end();
    }
    assert.equal(tokenCalls(sandbox, 'softline'), 1, 'the token of the last renewal is lost');
  });
});
