import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { eventually } from '../support/eventually.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisContract, redisOptions as options } from './redis-factory.ts';
import { describeStoreContract } from './store-contract.ts';

describe('Redis', () => {
  let server: RedisServer;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());

  describeStoreContract(
    'the Redis store',
    redisContract((keyPrefix) => options(server, { keyPrefix })),
  );

  // As docs/redis.md gave it before counting logins asked for more: an upgrade must not wait for a new rule.
  const EARLIER =
    '-@all +ping +role +get +set +del +hget +hmget +hset +zadd +zcard +zrange +zremrangebyscore +pexpire +eval +publish +subscribe +scan +wait +cluster|slots'.split(
      ' ',
    );
  describeStoreContract(
    'the Redis store, as a user with the rights of an earlier version',
    redisContract((keyPrefix) => options(server, { keyPrefix, username: 'earlier', password: 'secret' })),
    async () => {
      await server.command(
        'ACL',
        'SETUSER',
        'earlier',
        'on',
        '>secret',
        'resetchannels',
        '~contract-*',
        '&contract-*',
        ...EARLIER,
      );
    },
  );

  it("a lease that Redis's clock, set back, would keep for hours binds nobody", async () => {
    const store = await RedisStore.open(options(server, { keyPrefix: 'set-back' }));
    const other = await RedisStore.open(options(server, { keyPrefix: 'set-back' }));
    await store.acquireLease('crm', 'a', 30_000);
    await server.command('PEXPIRE', 'set-back:lease:{crm}', '59000');
    assert.equal(await other.acquireLease('crm', 'b', 30_000), false);
    await server.command('PEXPIRE', 'set-back:lease:{crm}', String(25 * 3_600_000));
    assert.equal(await other.acquireLease('crm', 'b', 30_000), true);
    assert.equal(await store.acquireLease('crm', 'a', 30_000), false);
    await store.close();
    await other.close();
  });

  it('tells every other handle at once of a new generation, and only of that', async () => {
    const [writer, reader] = [
      await RedisStore.open(options(server, { keyPrefix: 'watch' })),
      await RedisStore.open(options(server, { keyPrefix: 'watch' })),
    ];
    const observed: string[] = [];
    await reader.watch(
      (account) => observed.push(account),
      () => undefined,
    );
    await writer.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('a') });
    await writer.replace('crm', 1, { revision: 2, generation: 1, sealed: Buffer.from('intent') });
    await writer.replace('crm', 2, { revision: 3, generation: 2, sealed: Buffer.from('b') });
    await eventually('two generations are heard of', () => observed.length >= 2);
    assert.deepEqual(observed, ['crm', 'crm']);
    await writer.close();
    await reader.close();
  });

  it('away, it fails fast and says so; back, it works by itself, with all that was acknowledged', async () => {
    const store = await RedisStore.open(options(server, { keyPrefix: 'away', commandTimeout: 500 }));
    const observed: string[] = [];
    await store.watch(
      (account) => observed.push(account),
      () => undefined,
    );
    await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('kept') });
    await server.kill();
    const start = performance.now();
    await assert.rejects(store.read('crm'), StoreError);
    await assert.rejects(store.acquireLease('crm', 'a', 1_000), StoreError);
    assert.ok(performance.now() - start < 2_000);
    await server.start();
    await eventually(
      'it answers again',
      async () => (await store.read('crm').catch(() => undefined))?.sealed.toString() === 'kept',
    );
    await eventually('it hears again', async () => {
      const { revision, generation } = (await store.read('crm'))!;
      await store.replace('crm', revision, {
        revision: revision + 1,
        generation: generation + 1,
        sealed: Buffer.from('x'),
      });
      return observed.length >= 2;
    });
    await store.close();
  });

  it('carries records and counted logins over to another store', async () => {
    const store = await RedisStore.open(options(server, { keyPrefix: 'moving' }));
    await store.replace('crm', 0, { revision: 1, generation: 4, sealed: Buffer.from('x') });
    await store.restoreBudget('k', [1_000, 2_000], 86_400_000);
    assert.deepEqual(await store.accounts(), ['crm']);
    assert.deepEqual(await store.budgets(), [{ budget: 'k', entries: [1_000, 2_000] }]);
    assert.equal((await store.budgets())[0]?.entries.length, 2);
    await store.close();
  });

  it('names the place it cannot reach, and no password', async () => {
    await assert.rejects(
      RedisStore.open(options(server, { place: { kind: 'single', url: 'redis://:canary-password@127.0.0.1:1' } })),
      (error: Error) =>
        error instanceof StoreError && error.message.includes('127.0.0.1:1') && !error.message.includes('canary'),
    );
  });
});
