import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { count, freshReplicas, generation, read, readiness } from './world.ts';

describe('FLUSHALL', () => {
  const replicas = freshReplicas();

  it('the replicas go on with what they remember: the next renewal is a refresh, not a login', async () => {
    const { a, b, redis, sandbox } = replicas();
    await read(a);
    await read(b);
    await redis.command('FLUSHALL');
    for (const replica of [a, b]) assert.equal((await read(replica)).status, 200);
    sandbox.chatapp.revokeCurrent();
    const answers = await Promise.all([a, b, a, b].map(read));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.deepEqual([count(sandbox, 'login'), count(sandbox, 'refresh')], [1, 1]);
    assert.deepEqual([generation(a), generation(b)], [2, 2]);
  });

  it('what they remember is written back with the next look at readiness, so that a new replica logs nobody in', async () => {
    const { a, b, redis, sandbox, start } = replicas();
    await read(a);
    await read(b);
    await redis.command('FLUSHALL');
    await readiness(a);
    await eventually('it is written back', async () => (await redis.command('EXISTS', 'tokenward:record:{crm}')) === 1);
    const fresh = await start();
    assert.equal(generation(fresh), 1);
    assert.equal((await read(fresh)).status, 200);
    assert.deepEqual([count(sandbox, 'login'), count(sandbox, 'refresh')], [1, 0]);
  });
});
