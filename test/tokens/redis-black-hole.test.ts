import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisOptions } from './redis-factory.ts';

describe('a connection to Redis that dies without a word', function () {
  this.timeout(30_000);
  let server: RedisServer;
  let dead: FaultProxy;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
    dead = await FaultProxy.start(server.url);
  });
  after(async () => {
    await dead?.close();
    await server?.stop();
  });

  it('is given up after one command without an answer, and replaced as soon as there is a way', async () => {
    const store = await RedisStore.open(
      redisOptions({ url: `redis://${new URL(dead.url).host}` }, { commandTimeout: 500 }),
    );
    const observed: string[] = [];
    await store.watch(
      (account) => observed.push(account),
      () => undefined,
    );
    await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('kept') });
    await dead.set({ blackHole: true });
    const before = dead.sockets;
    const start = performance.now();
    await assert.rejects(
      store.read('crm'),
      (error: Error) => error instanceof StoreError && /no answer/.test(error.message),
    );
    assert.ok(performance.now() - start < 1_000);
    await eventually('a new connection is tried', () => dead.sockets !== before);
    await dead.clear();
    dead.drop();
    await eventually(
      'it answers again',
      async () => (await store.read('crm').catch(() => undefined))?.generation === 1,
    );
    observed.length = 0;
    await store.replace('crm', 1, { revision: 2, generation: 2, sealed: Buffer.from('new') });
    await eventually('and it hears again', () => observed.includes('crm'));
    await store.close();
  });
});
