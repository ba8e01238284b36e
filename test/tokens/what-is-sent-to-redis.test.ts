import assert from 'node:assert/strict';
import { RecordError, StoreError, type StoredRecord } from '../../src/tokens/store.ts';
import type { RedisStore } from '../../src/tokens/stores/redis.ts';
import { settled } from '../support/virtual-time.ts';
import { MemoryRedis } from './memory-redis.ts';
import { describeStoreContract } from './store-contract.ts';

const DAY = 86_400_000;
const NOW = Date.now();

const record = (revision: number, generation: number): StoredRecord => ({
  revision,
  generation,
  sealed: Buffer.from('sealed'),
});

describeStoreContract("Redis's data in memory", async () => {
  const redis = new MemoryRedis();
  const opened: RedisStore[] = [];
  return {
    async open() {
      const store = await redis.store();
      opened.push(store);
      return store;
    },
    async cleanUp() {
      for (const store of opened) await store.close();
    },
  };
});

describe('what is sent to Redis', () => {
  let redis: MemoryRedis;
  beforeEach(() => {
    redis = new MemoryRedis();
  });
  const names = (): string[] => redis.sent.map(([name]) => name!);
  const keys = (): string[] => redis.data.keys.sort();

  it('goes to keys with the prefix, and the name in braces', async () => {
    const store = await redis.store();
    await store.replace('crm', 0, record(1, 1));
    await store.acquireLease('crm', 'owner', 30_000);
    await store.debit('logins', NOW, DAY, 1);
    assert.deepEqual(keys(), ['test:budget:{logins}', 'test:check:{mark}', 'test:lease:{crm}', 'test:record:{crm}']);
    assert.equal(store.keyOf('lease', 'crm'), 'test:lease:{crm}');
  });

  it('asks for names of one kind, also where the prefix has signs of a pattern', async () => {
    const store = await redis.store({ keyPrefix: 'a*?[b]\\' });
    const other = await redis.store({ keyPrefix: 'a' });
    await other.replace('of another prefix', 0, record(1, 1));
    for (const name of ['softline', 'crm']) await store.replace(name, 0, record(1, 1));
    await store.acquireLease('leased', 'owner', 30_000);
    await store.debit('logins', NOW, DAY, 1);
    assert.deepEqual(
      [await store.accounts(), await store.leased(), (await store.budgets()).map(({ budget }) => budget)],
      [['crm', 'softline'], ['leased'], ['logins']],
    );
  });

  it('waits for replicas after a written record and a granted login, half of the time of a command', async () => {
    const store = await redis.store({ waitReplicas: 2, commandTimeout: 999 });
    await store.replace('crm', 0, record(1, 1));
    await store.debit('logins', NOW, DAY, 1);
    const waits = redis.sent.filter(([name]) => name === 'WAIT');
    assert.deepEqual(waits, [
      ['WAIT', '2', '499'],
      ['WAIT', '2', '499'],
    ]);
    const nodes = redis.sentTo.filter((_, index) => redis.sent[index]![0] === 'WAIT');
    assert.deepEqual(nodes, ['test:record:{crm}', 'test:budget:{logins}']);
    redis.sent.length = 0;
    assert.equal(await store.replace('crm', 0, record(1, 1)), false);
    assert.equal((await store.debit('logins', NOW, DAY, 1)).granted, false);
    assert.equal(names().includes('WAIT'), false);
  });

  it('waits for none if none are wanted', async () => {
    const store = await redis.store();
    await store.replace('crm', 0, record(1, 1));
    assert.equal(names().includes('WAIT'), false);
  });

  it('names no logins of this process where there are none', async () => {
    const store = await redis.store();
    await store.debit('logins', NOW, DAY, 5);
    assert.deepEqual(redis.sent.at(-1)!.slice(2, 6), ['1', 'test:budget:{logins}', String(NOW), String(DAY)]);
    assert.deepEqual(redis.sent.at(-1)!.slice(7), ['5']);
    await store.used('logins', NOW, DAY);
    assert.equal(redis.sent.at(-1)!.length, 7);
  });

  it('keeps restored logins as long as it is told', async () => {
    const store = await redis.store();
    await store.restoreBudget('logins', [NOW - 2, NOW, NOW], DAY);
    assert.deepEqual(redis.sent.at(-1), ['PEXPIRE', 'test:budget:{logins}', String(DAY)]);
    assert.deepEqual(await store.budgets(), [{ budget: 'logins', entries: [NOW - 2, NOW, NOW] }]);
  });

  it('tells the others of a new generation, by the name of the account; not those of another prefix', async () => {
    const [store, other] = [await redis.store(), await redis.store()];
    const stranger = await redis.store({ keyPrefix: 'strange' });
    await stranger.watch(
      () => assert.fail('it was told'),
      () => undefined,
    );
    const heard: string[] = [];
    await other.watch(
      (account) => void heard.push(account),
      () => assert.fail('nothing was lost'),
    );
    await store.replace('crm#0a1b2c3d', 0, record(1, 1));
    await store.replace('crm#0a1b2c3d', 1, record(2, 1));
    assert.deepEqual(heard, ['crm']);
  });
});

describe('a row in Redis that is none of this program', () => {
  let redis: MemoryRedis;
  let store: RedisStore;
  beforeEach(async () => {
    redis = new MemoryRedis();
    store = await redis.store();
  });
  const isNamed = (what: string, key: string) => (error: unknown) =>
    error instanceof RecordError && error.message.startsWith(`The ${what} (${key} in the store) is damaged`);

  for (const [name, fields] of [
    ['without a revision', { generation: '1', sealed: 'x' }],
    ['without a generation', { revision: '1', sealed: 'x' }],
    ['without what is sealed', { revision: '1', generation: '1' }],
    ['with nothing but a revision', { revision: '1' }],
    ['with nothing but a generation', { generation: '1' }],
    ['with nothing but what is sealed', { sealed: 'x' }],
    ['with a number in another form', { revision: '1e3', generation: '1', sealed: 'x' }],
    ['with a revision that is no number', { revision: '1x', generation: '1', sealed: 'x' }],
    ['with a revision below zero', { revision: '-1', generation: '1', sealed: 'x' }],
    ['with a generation that is no number', { revision: '1', generation: 'x1', sealed: 'x' }],
    ['with a generation beyond all numbers', { revision: '1', generation: '9'.repeat(20), sealed: 'x' }],
  ] as const) {
    it(`is an error about this record: one ${name}`, async () => {
      redis.data.put('test:record:{crm}', new Map(Object.entries(fields)));
      await assert.rejects(store.read('crm'), isNamed('record of account crm', 'test:record:{crm}'));
    });
  }

  it('is an error about this record: of another type', async () => {
    redis.data.put('test:record:{crm}', 'a text');
    await assert.rejects(store.read('crm'), isNamed('record of account crm', 'test:record:{crm}'));
    await assert.rejects(store.replace('crm', 0, record(1, 1)), isNamed('record of account crm', 'test:record:{crm}'));
  });

  it('is an error about this count of logins, never a count of none', async () => {
    redis.data.put('test:budget:{logins}', 'a text');
    const named = isNamed('count of logins logins', 'test:budget:{logins}');
    await assert.rejects(store.debit('logins', NOW, DAY, 5), named);
    await assert.rejects(store.used('logins', NOW, DAY), named);
    await assert.rejects(store.takeBack('logins', NOW), named);
    await assert.rejects(store.budgets(), named);
  });

  it('is not what another refusal of Redis means', async () => {
    redis.refusing.set('HMGET', new Error('LOADING Redis is loading')).set('ZRANGE', new Error('LOADING'));
    await store.debit('logins', NOW, DAY, 5);
    for (const work of [store.read('crm'), store.budgets()])
      await assert.rejects(
        work,
        (error) => error instanceof StoreError && !(error instanceof RecordError) && /: LOADING\.$/.test(error.message),
      );
  });
});

describe('a look at whether Redis can be used', () => {
  it('proves by a write that it takes writes, at most every ten seconds while that goes well', async () => {
    const redis = new MemoryRedis();
    let now = 100_000;
    const store = await redis.store({}, () => now);
    const writes = async (): Promise<number> => {
      redis.sent.length = 0;
      await store.check();
      return redis.sent.filter(([name, key]) => name === 'SET' && key === 'test:check:{written}').length;
    };
    assert.equal(await writes(), 1);
    now += 9_999;
    assert.equal(await writes(), 0);
    now += 1;
    assert.equal(await writes(), 1);
    assert.ok(Number(redis.data.peek('test:check:{written}')) >= NOW);
    redis.refusing.set('SET', new Error('OOM command not allowed'));
    now += 10_000;
    await assert.rejects(writes(), /OOM/);
    now += 1;
    await assert.rejects(writes(), /OOM/);
    redis.refusing.clear();
    assert.equal(await writes(), 1);
  });

  it('sees that the store was emptied, once, and that another process has marked it since', async () => {
    const redis = new MemoryRedis();
    const store = await redis.store();
    let emptied = 0;
    await store.watch(
      () => undefined,
      () => (emptied += 1),
    );
    await store.check();
    assert.equal(emptied, 0);
    redis.data.clear();
    await store.check();
    assert.equal(emptied, 1);
    await store.check();
    assert.equal(emptied, 1);
    redis.data.put('test:check:{mark}', 'of another process');
    await store.check();
    assert.equal(emptied, 2);
  });

  it('may find another store behind a new connection: that is told as well', async () => {
    const redis = new MemoryRedis();
    const store = await redis.store();
    let told = 0;
    await store.watch(
      () => undefined,
      () => (told += 1),
    );
    redis.cut();
    await settled();
    assert.equal(told, 1);
  });

  it('leaves the mark alone that is there', async () => {
    const redis = new MemoryRedis();
    await redis.store();
    const mark = redis.data.peek('test:check:{mark}');
    assert.equal(typeof mark, 'string');
    redis.sent.length = 0;
    await redis.store();
    assert.deepEqual(redis.sent, [['GET', 'test:check:{mark}']]);
    assert.equal(redis.data.peek('test:check:{mark}'), mark);
  });
});

describe('a warning that Redis can lose tokens', () => {
  const warningsWith = async (...info: string[]): Promise<string[]> => {
    const redis = new MemoryRedis();
    redis.info = info;
    return (await redis.store()).warnings();
  };
  const memory = (policy: string, max: number): string =>
    `# Memory\r\nused_memory:1\r\nmaxmemory:${max}\r\nmaxmemory_policy:${policy}\r\n`;

  it('is not given where it evicts nothing, or does not say', async () => {
    assert.deepEqual(await warningsWith(memory('noeviction', 100)), []);
    assert.deepEqual(await warningsWith('# Memory\r\nused_memory:1\r\n'), []);
  });

  it('names the place and the policy, and says when: as soon as a limit is set, or the memory is full', async () => {
    const [later, ...others] = await warningsWith(memory('noeviction', 0), memory('allkeys-lru', 0));
    assert.match(
      later!,
      /^Redis at memory:6379 evicts keys as soon as maxmemory is set \(maxmemory-policy allkeys-lru\)/,
    );
    assert.deepEqual(others, []);
    const [now] = await warningsWith(memory('allkeys-lru', 0), memory('allkeys-lru', 100));
    assert.match(now!, /evicts keys when its memory is full/);
    assert.match((await warningsWith(memory('volatile-ttl', 1)))[0]!, /evicts keys when its memory is full/);
    assert.match((await warningsWith('maxmemory_policy:volatile-ttl'))[0]!, /evicts keys as soon as maxmemory is set/);
  });

  it('does not take the limit of a server that evicts nothing for that of one that does', async () => {
    const [warning] = await warningsWith(memory('noeviction', 100), memory('allkeys-lru', 0));
    assert.match(warning!, /as soon as maxmemory is set/);
  });

  it('says so where the user may not ask', async () => {
    const redis = new MemoryRedis();
    const store = await redis.store();
    redis.refusing.set('INFO', new Error('NOPERM this user has no permissions'));
    assert.match((await store.warnings())[0]!, /^Redis at memory:6379 does not say whether it evicts keys/);
    redis.refusing.set('INFO', new Error('LOADING'));
    await assert.rejects(store.warnings(), /LOADING/);
  });
});

describe('Redis that cannot be used at the start', () => {
  it('is named by its place, and why', async () => {
    const redis = new MemoryRedis();
    redis.refusing.set('GET', new Error('NOPERM this user has no permissions'));
    await assert.rejects(
      redis.store(),
      (error) => error instanceof StoreError && /^Redis at memory:6379 cannot be used: .*NOPERM\.$/.test(error.message),
    );
  });
});
