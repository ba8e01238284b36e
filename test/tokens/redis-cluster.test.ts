import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { RedisStore, type RedisOptions } from '../../src/tokens/stores/redis.ts';
import { eventually } from '../support/eventually.ts';
import { startCluster, type RedisCluster } from '../support/redis-cluster.ts';
import { requireTool } from '../support/tools.ts';
import { redisContract } from './redis-factory.ts';
import { describeStoreContract } from './store-contract.ts';

const ACCOUNTS = Array.from({ length: 60 }, (_, index) => `account-${index}`);

describe('a Redis Cluster', function () {
  this.timeout(60_000);
  let cluster: RedisCluster;
  before(async function () {
    cluster = await startCluster(requireTool(this, 'redis-server'), { replica: true });
  });
  after(() => cluster?.stop());

  const options = (given: Partial<RedisOptions> = {}): RedisOptions => ({
    place: { kind: 'cluster', nodes: cluster.nodes },
    username: undefined,
    password: undefined,
    tls: undefined,
    keyPrefix: 'test',
    commandTimeout: 2_000,
    waitReplicas: 0,
    ...given,
  });

  describeStoreContract(
    'the Redis store in a Cluster',
    redisContract((keyPrefix) => options({ keyPrefix })),
  );

  it('spreads the accounts over its nodes, lists them all, and tells of every new generation', async () => {
    const [store, other] = [
      await RedisStore.open(options({ keyPrefix: 'spread' })),
      await RedisStore.open(options({ keyPrefix: 'spread' })),
    ];
    const observed = new Set<string>();
    await other.watch(
      (account) => observed.add(account),
      () => undefined,
    );
    for (const account of ACCOUNTS)
      assert.equal(await store.replace(account, 0, { revision: 1, generation: 1, sealed: Buffer.from(account) }), true);
    assert.deepEqual(await other.accounts(), [...ACCOUNTS].sort());
    for (const master of cluster.masters) assert.ok(((await master.command('DBSIZE')) as number) > 0);
    await eventually('all are heard of', () => observed.size === ACCOUNTS.length);
    await store.close();
    await other.close();
  });

  it('a master is killed: accounts of the others are served on, its own fail fast until its replica has taken over', async () => {
    const store = await RedisStore.open(options({ keyPrefix: 'killed', commandTimeout: 500 }));
    for (const account of ACCOUNTS)
      await store.replace(account, 0, { revision: 1, generation: 1, sealed: Buffer.from(account) });
    await eventually(
      'the replica has it all',
      async () => (await cluster.replica!.command('DBSIZE')) === (await cluster.masters[0]!.command('DBSIZE')),
    );
    await cluster.masters[0]!.kill();
    const results = await Promise.all(
      ACCOUNTS.map(async (account) =>
        store.read(account).then(
          (record) => record?.sealed.toString() === account,
          (error: unknown) => {
            assert.ok(error instanceof StoreError);
            return undefined;
          },
        ),
      ),
    );
    assert.ok(results.includes(true));
    assert.ok(results.includes(undefined));
    assert.ok(!results.includes(false));
    await eventually(
      'all of them are served, with what they had',
      async () =>
        (await Promise.all(ACCOUNTS.map((account) => store.read(account).catch(() => undefined)))).every(
          (record, index) => record?.sealed.toString() === ACCOUNTS[index],
        ),
      30_000,
    );
    for (const account of ACCOUNTS)
      assert.equal(await store.replace(account, 1, { revision: 2, generation: 2, sealed: Buffer.from('new') }), true);
    await store.close();
  });
});
