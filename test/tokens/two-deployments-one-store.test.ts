import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { EMPTY_RECORD, Records, type CredentialRecord } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { RecordError, StoreError } from '../../src/tokens/store.ts';
import { BroadcastingStore } from '../../src/tokens/stores/broadcasting.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { Token } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { startRedis } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisOptions } from './redis-factory.ts';

const KEY = sealingKey(randomBytes(32).toString('base64'));
const clock = new FakeClock();

function withToken(record: CredentialRecord, identity: string, secret: string): CredentialRecord {
  const generation = record.generation + 1;
  return {
    ...record,
    generation,
    identity,
    token: new Token(
      { generation, obtainedAt: clock.wall(), expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity },
      secret,
      `refresh of ${secret}`,
    ),
  };
}

describe('two deployments that use one store, and one name for accounts of theirs', () => {
  let store: MemoryStore;
  let [first, second]: [Records, Records] = [undefined!, undefined!];
  beforeEach(() => {
    store = new MemoryStore();
    [first, second] = [new Records(store, new Seal(KEY), clock), new Records(store, new Seal(KEY), clock)];
  });

  it("keep their tokens side by side: neither overwrites the other's", async () => {
    await first.replace('crm', withToken(await first.read('crm', 'a'), 'a', 'of a'));
    for (let round = 0; round < 3; round += 1) {
      await second.replace('crm', withToken(await second.read('crm', 'b'), 'b', `of b ${round}`));
      await first.replace('crm', withToken(await first.read('crm', 'a'), 'a', `of a ${round}`));
    }
    const [a, b] = [await first.read('crm', 'a'), await second.read('crm', 'b')];
    assert.deepEqual([a.token?.reveal(), a.generation, a.foreign], ['of a 2', 4, undefined]);
    assert.deepEqual(
      [b.token?.reveal(), b.generation, b.foreign],
      ['of b 2', 3, true],
      'and who came second can say that there is another one',
    );
    assert.deepEqual(
      [...store.records.keys()].map((key) => key.replace(/#[0-9a-f]{8}$/, '#8')),
      ['crm', 'crm#8'],
    );
  });

  it('a record made from scratch goes where the last one of this account was read from', async () => {
    await first.replace('crm', withToken(await first.read('crm', 'a'), 'a', 'of a'));
    const { revision } = await second.read('crm', 'b');
    await second.replace('crm', { ...withToken(EMPTY_RECORD, 'b', 'of b'), revision });
    assert.equal((await first.read('crm', 'a')).token?.reveal(), 'of a');
    assert.equal((await second.read('crm', 'b')).token?.reveal(), 'of b');
  });

  it('both at once in an empty store: one of them has to look again, and none is lost', async () => {
    const [a, b] = [await first.read('crm', 'a'), await second.read('crm', 'b')];
    assert.ok(await first.replace('crm', withToken(a, 'a', 'of a')));
    assert.equal(await second.replace('crm', withToken(b, 'b', 'of b')), undefined);
    assert.ok(await second.replace('crm', withToken(await second.read('crm', 'b'), 'b', 'of b')));
    assert.equal((await first.read('crm', 'a')).token?.reveal(), 'of a');
  });

  it("a record of before the first token is anybody's", async () => {
    await first.replace('crm', {
      ...(await first.read('crm', 'a')),
      intent: { kind: 'login', startedAt: 1, attempt: 1 },
    });
    const { revision, foreign } = await second.read('crm', 'b');
    assert.deepEqual([revision, foreign], [1, undefined]);
  });

  it("an account whose credentials are another person's now gets a record of its own", async () => {
    await first.replace('crm', withToken(await first.read('crm', 'old user'), 'old user', 'old'));
    const next = await second.read('crm', 'new user');
    assert.deepEqual([next.revision, next.token, next.foreign], [0, undefined, true]);
    await second.replace('crm', withToken(next, 'new user', 'new'));
    // The old one is pruned later: the account stays where it is.
    await store.remove('crm');
    const kept = await second.read('crm', 'new user');
    assert.deepEqual([kept.token?.reveal(), kept.foreign], ['new', false]);
  });

  it('a record that this deployment cannot open does not keep it from its own', async () => {
    await first.replace('crm', withToken(await first.read('crm', 'a'), 'a', 'of a'));
    await second.replace('crm', withToken(await second.read('crm', 'b'), 'b', 'of b'));
    const good = store.records.get('crm')!;
    store.records.set('crm', { ...good, sealed: Buffer.from('rubbish') });
    const own = await second.read('crm', 'b');
    assert.deepEqual([own.token?.reveal(), own.foreign], ['of b', true]);
    await assert.rejects(first.read('crm', 'a'), RecordError);
  });

  it('a record that the store cannot read at the moment counts as none of both', async () => {
    await first.replace('crm', withToken(await first.read('crm', 'a'), 'a', 'of a'));
    await second.replace('crm', withToken(await second.read('crm', 'b'), 'b', 'of b'));
    const read = store.read.bind(store);
    store.read = async (key) => {
      if (key === 'crm') throw new StoreError('away');
      return read(key);
    };
    await assert.rejects(second.read('crm', 'b'), /^StoreError: away$/);
  });

  it("whoever listens hears the account's name, wherever its record is", async function () {
    const server = await startRedis(requireTool(this, 'redis-server'));
    const redis = [await RedisStore.open(redisOptions(server)), await RedisStore.open(redisOptions(server))];
    try {
      const observed: string[] = [];
      await redis[1]!.watch(
        (account) => observed.push(account),
        () => undefined,
      );
      await redis[0]!.replace('crm#0a1b2c3d', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') });
      await eventually('it is heard', () => observed.length === 1);
      assert.deepEqual(observed, ['crm']);
    } finally {
      for (const one of redis) await one.close();
      await server.stop();
    }
    const folder = temporaryFolder();
    const said: string[] = [];
    const announcing = new BroadcastingStore(EmbeddedStore.open(folder, { ownerIsGone: () => false, now: Date.now }), {
      announce: (account) => void said.push(account),
      listen: () => undefined,
    });
    await announcing.replace('crm#0a1b2c3d', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') });
    await announcing.close();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(said, ['crm']);
  });
});

describe('an account that was renamed', () => {
  let store: MemoryStore;
  let records: Records;
  beforeEach(() => {
    store = new MemoryStore();
    records = new Records(store, new Seal(KEY), clock);
  });

  it('takes over the record of its former name, with its refresh token, and the former one keeps none', async () => {
    for (let generation = 0; generation < 3; generation += 1)
      await records.replace('crm-old', withToken(await records.read('crm-old', 'a'), 'a', `of a ${generation}`));
    const adopted = await records.adoptFormer('crm', 'crm-old', 'a');
    assert.deepEqual(
      [adopted?.generation, adopted?.token?.reveal(), adopted?.token?.revealRefresh(), adopted?.foreign],
      [3, 'of a 2', 'refresh of of a 2', false],
    );
    const read = await records.read('crm', 'a');
    assert.deepEqual([read.generation, read.token?.reveal(), read.token?.hasRefresh], [3, 'of a 2', true]);
    const former = await records.read('crm-old', 'a');
    assert.deepEqual([former.generation, former.token?.reveal(), former.token?.hasRefresh], [3, 'of a 2', false]);
    assert.equal(await records.adoptFormer('crm', 'crm-old', 'a'), undefined, 'once is enough');
  });

  it('takes over nothing of another identity, nothing where it has a record, and nothing from nobody', async () => {
    await records.replace('crm-old', withToken(await records.read('crm-old', 'a'), 'a', 'of a'));
    assert.equal(await records.adoptFormer('crm', 'crm-old', 'b'), undefined);
    assert.equal(await records.adoptFormer('crm', 'nobody', 'a'), undefined);
    await records.replace('crm', withToken(await records.read('crm', 'a'), 'a', 'its own'));
    assert.equal(await records.adoptFormer('crm', 'crm-old', 'a'), undefined);
    assert.equal((await records.read('crm-old', 'a')).token?.hasRefresh, true);
  });

  it('two processes that start with the new name take it over once', async () => {
    await records.replace('crm-old', withToken(await records.read('crm-old', 'a'), 'a', 'of a'));
    const other = new Records(store, new Seal(KEY), clock);
    const both = await Promise.all([
      records.adoptFormer('crm', 'crm-old', 'a'),
      other.adoptFormer('crm', 'crm-old', 'a'),
    ]);
    assert.equal((await records.read('crm', 'a')).revision, 1);
    assert.deepEqual(
      both.map((one) => one?.token?.reveal()),
      ['of a', 'of a'],
    );
  });

  it('takes it over beside the record of another identity, and says so', async () => {
    await records.replace('crm', withToken(await records.read('crm', 'b'), 'b', 'of b'));
    await records.replace('crm-old', withToken(await records.read('crm-old', 'a'), 'a', 'of a'));
    assert.equal((await records.adoptFormer('crm', 'crm-old', 'a'))?.foreign, true);
    assert.equal((await records.read('crm', 'a')).token?.reveal(), 'of a');
    assert.equal((await records.read('crm', 'b')).token?.reveal(), 'of b');
  });

  it('leaves a former record as it is that holds nothing to be spent twice', async () => {
    const { token, ...record } = withToken(await records.read('crm-old', 'a'), 'a', 'of a');
    await records.replace('crm-old', { ...record, token: token?.withoutRefresh() });
    assert.equal((await records.adoptFormer('crm', 'crm-old', 'a'))?.token?.reveal(), 'of a');
    assert.equal(store.records.get('crm-old')?.revision, 1);
    await records.replace('shop-old', { ...EMPTY_RECORD, identity: 'a', failures: 3 });
    assert.equal((await records.adoptFormer('shop', 'shop-old', 'a'))?.failures, 3);
    assert.equal(store.records.get('shop-old')?.revision, 1);
  });
});
