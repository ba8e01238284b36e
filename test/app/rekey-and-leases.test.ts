import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { openStore } from '../../src/app/open-store.ts';
import { rekeyStore } from '../../src/app/rekey-store.ts';
import { LEASE_TTL_MS } from '../../src/deadlines.ts';
import type { Clock } from '../../src/tokens/clock.ts';
import { EMPTY_RECORD, Records } from '../../src/tokens/records.ts';
import { StoreError, type TokenStore } from '../../src/tokens/store.ts';
import { FakeClock } from '../support/clock.ts';
import { load, smallest } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';
import { recorder } from '../support/proxy.ts';

const newKey = (): string => randomBytes(32).toString('base64');

/** A clock whose every look takes 15 s of monotonic time: two tries of a lease, and the wait is over. */
function hastyClock(): Clock {
  let monotonic = 0;
  return { wall: Date.now, monotonic: () => (monotonic += 15_000) };
}

describe('rekey', () => {
  const folder = freshFolder();
  const former = newKey();
  const current = newKey();
  const config = (key: string, retired: readonly string[] = []) =>
    load(
      smallest({
        top: `store: { type: embedded, path: ${folder()}, key: "${key}", retiredKeys: ${JSON.stringify(retired)} }`,
      }),
    );
  const dependencies = () => ({ log: recorder([]), ownerIsGone: () => false, owner: 'rekey' });

  async function inStore<T>(key: string, act: (store: TokenStore, records: Records) => Promise<T>): Promise<T> {
    const { store, seal } = await openStore(config(key, [former, current]), dependencies());
    try {
      return await act(store, new Records(store, seal, new FakeClock()));
    } finally {
      await store.close();
    }
  }

  /** A record sealed with the key, of an account that another process is renewing. */
  async function beingRenewed(key: string): Promise<void> {
    await inStore(key, async (store, records) => {
      assert.ok(await records.replace('shop', { ...EMPTY_RECORD, generation: 1, identity: 'who' }));
      assert.ok(await store.acquireLease('shop', 'a renewal', LEASE_TTL_MS));
    });
  }

  const rekey = () => rekeyStore(config(current, [former]), { ...dependencies(), clock: hastyClock() });

  it('takes no lease for a record that is sealed with the current key already', async () => {
    await beingRenewed(current);
    assert.deepEqual(await rekey(), { records: 1, resealed: 0 });
  });

  it('leaves the record of an account that is being renewed as it is, and names the account', async () => {
    await beingRenewed(former);
    const before = await inStore(current, (store) => store.read('shop'));
    await assert.rejects(
      rekey(),
      (error: unknown) => error instanceof StoreError && /1 of 1 records.*renewing shop /.test(error.message),
    );
    assert.deepEqual(await inStore(current, (store) => store.read('shop')), before);
  });

  it('seals the record again once the renewal has ended, and releases the lease', async () => {
    await beingRenewed(former);
    await inStore(current, (store) => store.releaseLease('shop', 'a renewal'));
    assert.deepEqual(await rekey(), { records: 1, resealed: 1 });
    assert.deepEqual(await inStore(current, (store) => store.leased()), []);
    assert.equal(await inStore(current, (_, records) => records.isCurrent('shop')), true);
  });
});
