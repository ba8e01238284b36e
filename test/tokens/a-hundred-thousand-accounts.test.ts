import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Credential } from '../../src/tokens/credential.ts';
import { TokenManager } from '../../src/tokens/manager.ts';
import { Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { FakeClock } from '../support/clock.ts';
import { granted, fakeCredential, type FakeCredential } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** Counts the reads. */
class CountingStore extends MemoryStore {
  reads = 0;

  override read(account: string): ReturnType<MemoryStore['read']> {
    this.reads += 1;
    return super.read(account);
  }
}

const KEY = sealingKey(randomBytes(32).toString('base64'));
const OBSERVER = {
  renewed: () => undefined,
  suppressed: () => undefined,
  changed: () => undefined,
  storeFailed: () => undefined,
};

function manyAccounts(options: {
  size: number;
  inMemory: number;
  credential?: Partial<Credential>;
  store?: CountingStore;
  clock?: FakeClock;
}) {
  const store = options.store ?? new CountingStore();
  const clock = options.clock ?? new FakeClock();
  const made = new Map<string, FakeCredential>();
  const source = {
    get(account: string): Credential | undefined {
      const known = made.get(account) ?? fakeCredential({ account, ...options.credential });
      made.set(account, known);
      return known;
    },
    has: (account: string) => /^shop-\d+$/.test(account),
    size: options.size,
    declared: ['shop-0'],
    names: () => ['shop-0'],
  };
  const manager = new TokenManager(source, {
    store,
    records: new Records(store, new Seal(KEY), clock),
    clock,
    observer: OBSERVER,
    maxAccounts: options.inMemory,
  });
  const calls = (): number => [...made.values()].reduce((sum, credential) => sum + credential.calls.length, 0);
  return { manager, store, clock, made, calls };
}

describe('a hundred thousand accounts', () => {
  it('cost nothing at the start: only the named one is read, and no other is made', async () => {
    const { manager, store, made } = manyAccounts({ size: 100_000, inMemory: 1_000 });
    await manager.load();
    assert.deepEqual([...made.keys()], ['shop-0']);
    // Its own key, and the one beside it.
    assert.equal(store.reads, 2);
    assert.deepEqual(manager.count, { known: 100_000, inMemory: 1 });
    await manager.close();
  });

  it('are in memory only as far as there is room, and come back from the store without a login', async () => {
    const { manager, made, calls } = manyAccounts({ size: 100_000, inMemory: 200 });
    await manager.load();
    for (let index = 0; index < 1_000; index += 1) await manager.get(`shop-${index}`);
    assert.equal(calls(), 1_000);
    assert.equal(manager.count.inMemory, 200);
    for (let index = 0; index < 1_000; index += 1) assert.equal((await manager.get(`shop-${index}`)).generation, 1);
    assert.equal(calls(), 1_000);
    assert.equal(made.get('shop-7')!.calls.length, 1);
    assert.ok(!(manager.get('shop-999') instanceof Promise), 'a token in memory cost an await');
    await manager.close();
  });

  it('are read once, however many ask for a cold one at the same time', async () => {
    const { manager, calls, store } = manyAccounts({ size: 100_000, inMemory: 100 });
    for (let index = 0; index < 300; index += 1) await manager.get(`shop-${index}`);
    const before = store.reads;
    const tokens = await Promise.all(Array.from({ length: 200 }, async () => manager.get('shop-1')));
    assert.equal(store.reads - before, 1);
    assert.equal(new Set(tokens).size, 1);
    assert.equal(calls(), 300);
    await manager.close();
  });

  it('keep the one that is being renewed, whatever else is used meanwhile', async () => {
    let answer!: () => void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const { manager, made } = manyAccounts({ size: 100_000, inMemory: 100 });
    const slow = fakeCredential({ account: 'shop-1' }, async () => {
      await answered;
      return granted();
    });
    made.set('shop-1', slow);
    const first = manager.get('shop-1');
    for (let index = 2; index < 500; index += 1) await manager.get(`shop-${index}`);
    const second = manager.get('shop-1');
    answer();
    assert.equal(await first, await second);
    assert.deepEqual(slow.calls, ['login']);
    await manager.close();
  });

  it('are shown up to 500, the ones in trouble first, and one of them in trouble is not named', async () => {
    const { manager, made } = manyAccounts({ size: 100_000, inMemory: 5_000 });
    await manager.load();
    for (let index = 1; index < 1_000; index += 1) {
      if (index === 700)
        made.set('shop-700', fakeCredential({ account: 'shop-700' }, { kind: 'refused', reason: 'status 401' }));
      await Promise.resolve(manager.get(`shop-${index}`)).catch(() => undefined);
    }
    const shown = manager.status();
    assert.equal(shown.length, 500);
    assert.deepEqual(
      shown.slice(0, 2).map(({ account, named, ready, dead }) => [account, named, ready, dead]),
      [
        ['shop-0', true, true, false],
        ['shop-700', false, false, true],
      ],
    );
    await manager.close();
  });

  it('that logged in at the same moment renew spread over a tenth of their life', async () => {
    const { manager, clock, made, calls } = manyAccounts({
      size: 100_000,
      inMemory: 5_000,
      credential: { renew: 'early' },
    });
    const names = Array.from({ length: 1_000 }, (_, index) => `shop-${index}`);
    for (const name of names) await manager.get(name);
    const logins = calls();
    const renewals: number[] = [];
    // A life of an hour: a look every 36 s, from 74 to 86 % of it.
    clock.pass(0.74 * 3_600_000);
    for (let percent = 74; percent <= 86; percent += 1) {
      const before = calls();
      for (const name of names) if (made.get(name)!.calls.length === 1) await manager.get(name);
      await new Promise((resolve) => void setTimeout(resolve, 50));
      renewals.push(calls() - before);
      clock.pass(36_000);
    }
    assert.equal(calls() - logins, 1_000);
    assert.deepEqual(renewals.slice(0, 2), [0, 0], 'some were renewed before 75 %');
    assert.equal(renewals.at(-1), 0, 'some were renewed after 85 %');
    assert.ok(Math.max(...renewals) < 200, `together: ${renewals.join(', ')}`);
    await manager.close();
  });
});
