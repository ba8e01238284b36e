import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { observing } from '../support/observer.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const BUDGET = { key: 'logins', logins: 10, window: 86_400_000, reserve: 2 };

describe('the operation at which the store failed', () => {
  for (const [failing, operation] of [
    ['read', 'read'],
    ['replace', 'write'],
    ['acquireLease', 'lease'],
    ['debit', 'debit'],
  ] as const)
    it(`is told as ${operation} when ${failing} failed during a renewal`, async () => {
      const credential = fakeCredential({ canRefresh: false, budget: BUDGET });
      const { manager, store, observed } = await managed(credential, new VirtualTime());
      const first = await manager.get('crm');
      store.failing.add(failing);
      await assert.rejects(async () => manager.renew('crm', first), { code: 'store_unavailable', retryAfter: 2 });
      assert.deepEqual(observed.storeFailed, [operation]);
    });

  for (const [change, failing, operation] of [
    [{}, 'read', 'read'],
    [{ budget: BUDGET }, 'used', 'read'],
    [{ formerName: 'old' }, 'read', 'write'],
  ] as const)
    it(`is told as ${operation} when ${failing} failed at the start, for ${JSON.stringify(change)}`, async () => {
      const store = new MemoryStore();
      store.failing.add(failing);
      const failed: string[] = [];
      const observer = observing({ storeFailed: (what) => void failed.push(what) });
      const credential = fakeCredential(change);
      await assert.rejects(managed(credential, { store, observer, ...new VirtualTime() }));
      assert.deepEqual(failed, [operation]);
    });
});
