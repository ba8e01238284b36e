import assert from 'node:assert/strict';
import { metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { ownCode } from '../../support/world.ts';
import { count, freshReplicas, generation, read, readiness } from './world.ts';

describe('Redis away', function () {
  this.timeout(30_000);
  const replicas = freshReplicas();

  it('living tokens go on serving, readiness says what is wrong, and no longer once it is back', async () => {
    const { a, b, redis } = replicas();
    await read(a);
    await read(b);
    await redis.kill();
    for (const replica of [a, b]) {
      for (let call = 0; call < 20; call += 1) assert.equal((await read(replica)).status, 200);
      const { problems } = await readiness(replica);
      assert.ok(
        problems.some((problem) => problem.includes('the token store cannot be used')),
        problems.join(),
      );
    }
    await redis.start();
    for (const replica of [a, b])
      await eventually('all is well', async () => (await readiness(replica)).problems.length === 0);
  });

  it('nothing that rotates is refreshed without it: fast errors, no call; back, one refresh and no login', async () => {
    const { a, b, redis, sandbox } = replicas();
    await read(a);
    await read(b);
    await redis.kill();
    sandbox.chatapp.revokeCurrent();
    for (let round = 0; round < 3; round += 1) {
      for (const replica of [a, b]) {
        const start = performance.now();
        const answer = await read(replica);
        assert.deepEqual([answer.status, ownCode(answer)], [503, 'store_unavailable']);
        assert.ok(Number(answer.headers['retry-after']) > 0);
        assert.ok(performance.now() - start < 1_500);
      }
    }
    assert.deepEqual([count(sandbox, 'login'), count(sandbox, 'refresh')], [1, 0]);
    await redis.start();
    for (const replica of [a, b])
      await eventually('it answers again', async () => (await read(replica)).status === 200);
    assert.deepEqual([count(sandbox, 'login'), count(sandbox, 'refresh')], [1, 1]);
    assert.deepEqual([generation(a), generation(b)], [2, 2]);
  });

  it('nobody waits for it for long, however many ask: metrics and readiness answer', async () => {
    const { a, redis } = replicas();
    await read(a);
    await redis.kill();
    await readiness(a);
    const start = performance.now();
    assert.ok((await metric(a.operatorUrl, 'tokenward_store_errors_total')) > 0);
    assert.ok(performance.now() - start < 1_500);
  });
});
