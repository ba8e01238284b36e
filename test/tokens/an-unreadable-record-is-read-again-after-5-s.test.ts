import assert from 'node:assert/strict';
import type { TokenManager } from '../../src/tokens/manager.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential, managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { observing } from '../support/observer.ts';

describe('a record that does not open', () => {
  let store: MemoryStore;
  let clock: FakeClock;
  let manager: TokenManager;
  let reads: number;
  /** The account's state at each change that was told, and each time that its record was said not to open. */
  let told: (string | undefined)[];
  beforeEach(async () => {
    store = new MemoryStore();
    clock = new FakeClock();
    const { manager: former } = await managed(fakeCredential(), { store, clock });
    await former.get('crm');
    await former.close();
    spoil();
    told = [];
    ({ manager } = await managed(fakeCredential({}), {
      store,
      clock,
      observer: observing({
        recordUnreadable: () => void told.push('unreadable'),
        // The first record is read while the manager is made.
        changed: () => void told.push((manager as TokenManager | undefined)?.statusOf('crm')?.state),
      }),
    }));
    reads = 0;
    const read = store.read.bind(store);
    store.read = async (key) => {
      if (key === 'crm') reads += 1;
      return read(key);
    };
  });

  const spoil = (): void =>
    void store.records.set('crm', { revision: 9, generation: 1, sealed: Buffer.from('not of this program') });
  const fails = (): Promise<void> =>
    assert.rejects(async () => manager.get('crm'), {
      code: 'store_unavailable',
      detail: /^account crm: The record of/,
    });

  it('is read again after 5 s, and not before', async () => {
    await fails();
    clock.pass(4_999);
    await fails();
    assert.equal(reads, 0);
    clock.pass(1);
    await fails();
    assert.equal(reads, 1);
  });

  it('is told of once, until it opens; and of each time that it no longer opens', async () => {
    await fails();
    clock.pass(5_000);
    await fails();
    assert.deepEqual(told, ['unreadable', 'dead']);
    store.records.delete('crm');
    clock.pass(5_000);
    told.length = 0;
    const token = await manager.get('crm');
    assert.equal(told.at(-1), 'working');
    spoil();
    clock.pass(5_000);
    told.length = 0;
    await assert.rejects(async () => manager.renew('crm', token));
    assert.deepEqual(
      told.filter((one) => one === 'unreadable'),
      ['unreadable'],
    );
    assert.equal(told.at(-1), 'dead');
  });

  it('is told to open again as soon as it does, before a token is obtained', async () => {
    await fails();
    store.records.delete('crm');
    clock.pass(5_000);
    told.length = 0;
    await manager.get('crm');
    assert.notEqual(told[0], 'dead');
    assert.ok(!told.includes('unreadable'));
  });
});
