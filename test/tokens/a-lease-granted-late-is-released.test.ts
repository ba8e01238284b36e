import assert from 'node:assert/strict';
import { settled } from '../support/virtual-time.ts';
import { unsavedToken } from './unsaved-token.ts';

describe('a lease that the store grants to a pending write only after a later renewal has ended', () => {
  it('is released: no other process has to wait for its end', async () => {
    const { time, manager, store, heal } = await unsavedToken();
    const second = await manager.get('crm');
    heal();
    const acquireLease = store.acquireLease.bind(store);
    let grant!: () => void;
    store.acquireLease = async (...args) => {
      store.acquireLease = acquireLease;
      await new Promise<void>((resolve) => (grant = resolve));
      return acquireLease(...args);
    };
    await time.advance(200);
    const renewed = Promise.resolve(manager.renew('crm', second));
    await time.advance(3_000);
    assert.equal((await renewed).generation, 3);
    assert.equal(store.leases.get('crm'), undefined);
    grant();
    await settled();
    assert.equal(store.leases.get('crm'), undefined);
    assert.equal(store.records.get('crm')?.generation, 3);
  });
});
