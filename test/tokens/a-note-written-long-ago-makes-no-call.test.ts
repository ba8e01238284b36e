import assert from 'node:assert/strict';
import { LEASE_SAFE_MS } from '../../src/deadlines.ts';
import { TokenwardError } from '../../src/errors.ts';
import { fakeCredential, managed } from '../support/credential.ts';

describe('a machine that is suspended while a spend note is being written', () => {
  it('makes no call when it goes on: another process has the lease by then, and acts on the note', async () => {
    const credential = fakeCredential();
    const { manager, store, clock } = await managed(credential);
    const first = await manager.get('crm');
    store.beforeReplace = () => {
      store.beforeReplace = undefined;
      // The monotonic clock does not count the time for which the machine was suspended.
      clock.jump(LEASE_SAFE_MS + 1);
      store.leases.set('crm', { owner: 'another process', until: Infinity });
    };
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: unknown) => error instanceof TokenwardError && error.code === 'token_unavailable',
    );
    assert.deepEqual(credential.calls, ['login']);
    assert.equal(store.leases.get('crm')?.owner, 'another process');
  });

  it('makes no call either if it was suspended before the note, with the lease already acquired', async () => {
    const credential = fakeCredential();
    const { manager, store, clock } = await managed(credential);
    const first = await manager.get('crm');
    const acquire = store.acquireLease.bind(store);
    store.acquireLease = async (...of) => {
      store.acquireLease = acquire;
      const granted = await acquire(...of);
      clock.jump(LEASE_SAFE_MS + 1);
      store.leases.set('crm', { owner: 'another process', until: Infinity });
      return granted;
    };
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: unknown) => error instanceof TokenwardError && error.code === 'token_unavailable',
    );
    assert.deepEqual(credential.calls, ['login']);
  });

  it('makes the call when the lease is still to be had', async () => {
    const credential = fakeCredential();
    const { manager, store, clock } = await managed(credential);
    const first = await manager.get('crm');
    store.beforeReplace = () => {
      store.beforeReplace = undefined;
      clock.jump(LEASE_SAFE_MS + 1);
    };
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });
});
