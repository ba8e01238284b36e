import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { RedisStore, type RedisOptions } from '../../src/tokens/stores/redis.ts';
import { eventually } from '../support/eventually.ts';
import { closedPort } from '../support/wire.ts';
import { redisCommand } from '../support/redis.ts';
import { MASTER_NAME, startSentinels, type SentinelGroup } from '../support/redis-sentinel.ts';
import { requireTool } from '../support/tools.ts';
import { redisContract } from './redis-factory.ts';
import { describeStoreContract } from './store-contract.ts';

describe('Redis behind sentinels', function () {
  this.timeout(60_000);
  let group: SentinelGroup;
  before(async function () {
    group = await startSentinels(requireTool(this, 'redis-server'));
  });
  after(() => group?.stop());

  const options = (given: Partial<RedisOptions> = {}): RedisOptions => ({
    place: { kind: 'sentinel', name: MASTER_NAME, nodes: group.nodes, password: undefined },
    username: undefined,
    password: undefined,
    tls: undefined,
    keyPrefix: 'test',
    commandTimeout: 2_000,
    waitReplicas: 1,
    ...given,
  });

  describeStoreContract(
    'the Redis store behind sentinels',
    redisContract((keyPrefix) => options({ keyPrefix })),
  );

  it('a failover by hand: the demoted master is turned away from at once, and nothing is lost', async () => {
    const store = await RedisStore.open(options({ keyPrefix: 'by-hand', commandTimeout: 1_000 }));
    await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('kept') });
    const from = await group.master();
    await eventually('a failover begins', () =>
      redisCommand(group.nodes[0]!.port, 'SENTINEL', 'FAILOVER', MASTER_NAME).then(
        () => true,
        () => false,
      ),
    );
    const to = await group.failedOver(from);
    // The sentinels would do the same, some ten seconds later.
    await from.command('REPLICAOF', '127.0.0.1', String(to.port));
    assert.equal(await store.replace('crm', 1, { revision: 2, generation: 2, sealed: Buffer.from('new') }), true);
    assert.equal(await to.command('HGET', 'by-hand:record:{crm}', 'revision'), '2');
    await store.close();
    await group.settled();
  });

  it('the master is killed: it fails fast, then finds the new one, with what WAIT made sure of, and hears again', async () => {
    await group.settled();
    const [store, other] = [
      await RedisStore.open(options({ keyPrefix: 'killed', commandTimeout: 500 })),
      await RedisStore.open(options({ keyPrefix: 'killed', commandTimeout: 500 })),
    ];
    const observed: string[] = [];
    let reopened = 0;
    await other.watch(
      (account) => observed.push(account),
      () => (reopened += 1),
    );
    await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('kept') });
    const from = await group.master();
    await from.kill();
    const start = performance.now();
    await assert.rejects(store.acquireLease('crm', 'a', 1_000), StoreError);
    assert.ok(performance.now() - start < 1_500);
    const to = await group.failedOver(from);
    await eventually(
      'it reads again',
      async () => (await store.read('crm').catch(() => undefined))?.sealed.toString() === 'kept',
    );
    await eventually('the other one is told that news may have been missed', () => reopened > 0);
    observed.length = 0;
    assert.equal(await store.replace('crm', 1, { revision: 2, generation: 2, sealed: Buffer.from('new') }), true);
    await eventually('the other one hears of it', () => observed.includes('crm'));
    await store.close();
    await other.close();
    await from.start(['--replicaof', `127.0.0.1 ${to.port}`]);
    await group.settled();
  });

  it('sentinels that are gone are passed over', async () => {
    const gone = new URL(await closedPort());
    const store = await RedisStore.open(
      options({
        place: {
          kind: 'sentinel',
          name: MASTER_NAME,
          nodes: [{ host: gone.hostname, port: Number(gone.port) }, ...group.nodes],
          password: undefined,
        },
      }),
    );
    await store.check();
    await store.close();
  });

  it('says that the sentinels know no such master', async () => {
    await assert.rejects(
      RedisStore.open(
        options({ place: { kind: 'sentinel', name: 'nobody', nodes: group.nodes, password: undefined } }),
      ),
      (error: Error) => error instanceof StoreError && error.message.includes('nobody'),
    );
  });
});
