import assert from 'node:assert/strict';
import { metric } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { operator } from '../support/operator.ts';
import { tokenCalls } from '../support/world.ts';
import { freshPool, runs } from './worker-pool.ts';
import { startLoad } from './load.ts';

const READ = '/softline/v1/order/77';

describe('a worker that is killed', function () {
  this.timeout(60_000);
  const pool = freshPool();

  it('is replaced after a second, then after two; the others go on, and nobody logs in', async function () {
    const { sandbox, served, pids, callAnew, lines } = await pool(this, 2);
    await callAnew(READ);
    const logins = tokenCalls(sandbox, 'softline');
    for (const [round, pause] of [
      [1, 1_000],
      [2, 2_000],
    ] as const) {
      const [victim, other] = (await pids()) as [number, number];
      process.kill(victim, 'SIGKILL');
      const killed = performance.now();
      await eventually('it has ended', () => !runs(victim));
      const problem = 'worker 1 is not up; it is being replaced';
      await operator(served)
        .get('/readyz')
        .expect(200, { ready: true, problems: [{ problem }] });
      for (let index = 0; index < 10; index += 1) assert.equal((await callAnew(READ)).status, 200);
      await eventually('there are two again', async () => (await pids()).length === 2, 30_000);
      const took = performance.now() - killed;
      assert.ok(took >= pause - 50 && took < pause + 15_000, `replaced after ${took} ms`);
      assert.ok((await pids()).includes(other));
      assert.equal(await metric(served.operatorUrl, 'tokenward_worker_crashes_total'), round);
      for (let index = 0; index < 10; index += 1) assert.equal((await callAnew(READ)).status, 200);
    }
    assert.equal(tokenCalls(sandbox, 'softline'), logins);
    assert.deepEqual(
      lines()
        .filter(({ msg }) => msg === 'a worker has ended')
        .map(({ worker, detail }) => [worker, detail]),
      [
        [1, 'SIGKILL'],
        [1, 'SIGKILL'],
      ],
    );
  });

  it('in the middle of a renewal is stood in for by another one within seconds', async function () {
    const { sandbox, pids, callAnew } = await pool(this, 2);
    sandbox.softline.set({ loginMode: 'slow', slowMs: 30_000, loginModeCount: 1 });
    const answers = Array.from({ length: 8 }, () =>
      callAnew(READ).then(
        ({ status }) => status,
        () => 'cut',
      ),
    );
    await eventually('a login is under way', () => tokenCalls(sandbox, 'softline') === 1);
    const from = performance.now();
    const [one, other] = (await pids()) as [number, number];
    process.kill(one, 'SIGKILL');
    // Which of them logs in is not seen from outside. If it was not this one, it is the other one.
    await eventually('another login', () => tokenCalls(sandbox, 'softline') === 2, 5_000).catch(
      () => void process.kill(other, 'SIGKILL'),
    );
    // A connection on its way to the killed worker is answered by nobody (docs/workers.md): such a caller tries again.
    const impatient = () =>
      Promise.race([
        callAnew(READ).then(
          ({ status }) => status,
          () => 0,
        ),
        new Promise<number>((resolve) => void setTimeout(resolve, 3_000, 0)),
      ]);
    await eventually('the account has a token', async () => (await impatient()) === 200, 20_000);
    assert.ok(performance.now() - from < 25_000);
    assert.equal(tokenCalls(sandbox, 'softline'), 2);
    await Promise.all(answers);
  });

  it('costs only the requests it had, under load', async function () {
    const { served, pids, callAnew } = await pool(this, 2);
    await callAnew(READ);
    const load = startLoad(served.url, [READ], { keeping: 8, making: 4, pause: 20 });
    await eventually(
      'requests run',
      async () => (await metric(served.operatorUrl, 'tokenward_requests_total', { status: '2xx' })) > 50,
    );
    process.kill((await pids())[1]!, 'SIGKILL');
    await eventually('there are two again', async () => (await pids()).length === 2, 30_000);
    const results = await load.stop();
    const failed = [...results].filter(([result]) => result !== '200').reduce((sum, [, count]) => sum + count, 0);
    // One for each connection that was open to it, and those just on their way.
    assert.ok(failed <= 12, JSON.stringify([...results]));
  });

  it('with SIGTERM by somebody else drains first', async function () {
    const { pids, callAnew, logged } = await pool(this, 2);
    await callAnew(READ);
    const long = Array.from({ length: 4 }, () => callAnew('/softline/v1/sandbox/slow-body?pieces=20&ms=100'));
    await eventually('they run', async () => true);
    const [victim] = (await pids()) as [number];
    process.kill(victim, 'SIGTERM');
    assert.deepEqual(
      (await Promise.all(long)).map(({ status, text }) => [status, text.split('\n').length]),
      Array.from({ length: 4 }, () => [200, 21]),
    );
    await logged('a new worker is up');
    assert.ok(!runs(victim));
  });
});
