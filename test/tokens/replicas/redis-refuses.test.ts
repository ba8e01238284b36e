import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import type { RedisServer } from '../../support/redis.ts';
import { count, freshReplicas, generation, read, readiness } from './world.ts';

/** What Redis can say instead of doing what it is asked, how it comes to that, and back. */
const TROUBLES: readonly {
  name: string;
  begin(redis: RedisServer): Promise<unknown>;
  end(redis: RedisServer): Promise<unknown>;
}[] = [
  {
    name: '-OOM',
    begin: (redis) => redis.command('CONFIG', 'SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction'),
    end: (redis) => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    name: '-READONLY',
    begin: (redis) => redis.command('REPLICAOF', '127.0.0.1', '1'),
    end: (redis) => redis.command('REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: '-NOREPLICAS',
    begin: (redis) => redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1'),
    end: (redis) => redis.command('CONFIG', 'SET', 'min-replicas-to-write', '0'),
  },
  {
    name: '-NOPERM',
    begin: (redis) => redis.command('ACL', 'SETUSER', 'default', '-eval'),
    end: (redis) => redis.command('ACL', 'SETUSER', 'default', '+eval'),
  },
  {
    name: 'nothing for five seconds (CLIENT PAUSE)',
    begin: (redis) => redis.command('CLIENT', 'PAUSE', '5000'),
    end: () => Promise.resolve(),
  },
];

describe('Redis refuses', function () {
  this.timeout(30_000);
  const replicas = freshReplicas();

  for (const { name, begin, end } of TROUBLES) {
    it(`${name}: living tokens go on, nobody is called, and it heals by itself`, async () => {
      const { a, b, redis, sandbox } = replicas();
      await read(a);
      await read(b);
      await begin(redis);
      for (const replica of [a, b]) assert.equal((await read(replica)).status, 200);
      sandbox.chatapp.revokeCurrent();
      assert.equal((await read(a)).status, 503);
      assert.equal((await read(b)).status, 503);
      assert.deepEqual([count(sandbox, 'login'), count(sandbox, 'refresh')], [1, 0]);
      await end(redis);
      for (const replica of [a, b])
        await eventually('it answers again', async () => (await read(replica)).status === 200, 15_000);
      assert.equal(count(sandbox, 'login'), 1);
      assert.equal(count(sandbox, 'refresh'), 1);
      await eventually('both have it', () => generation(a) === 2 && generation(b) === 2);
      await eventually('all is well', async () => (await readiness(a)).problems.length === 0);
    });
  }
});
