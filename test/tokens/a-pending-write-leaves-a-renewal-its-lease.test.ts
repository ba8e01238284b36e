import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

describe('a pending write that ends after the next renewal of the same process has begun', () => {
  it('does not release the lease under which that renewal makes its call', async () => {
    const time = new VirtualTime();
    let respond!: (outcome: Outcome) => void;
    const credential: ReturnType<typeof fakeCredential> = fakeCredential(
      {},
      granted(),
      () => {
        store.failing.add('replace');
        return granted();
      },
      () => new Promise<Outcome>((resolve) => (respond = resolve)),
    );
    const { manager, store } = await managed(credential, { ...time, owner: 'this process' });
    const second = await manager.renew('crm', await manager.get('crm'));
    store.failing.clear();
    // The reply to the write in the background is late.
    let reply!: () => void;
    const replace = store.replace.bind(store);
    store.replace = async (...args) => {
      store.replace = replace;
      const written = await replace(...args);
      await new Promise<void>((resolve) => (reply = resolve));
      return written;
    };
    await time.advance(200);
    assert.equal(store.records.get('crm')?.generation, 2);
    const renewed = Promise.resolve(manager.renew('crm', second));
    // The store is back, and has had time to settle.
    await time.advance(3_000);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh']);
    assert.equal(store.leases.get('crm')?.owner, 'this process');
    reply();
    await settled();
    assert.equal(store.leases.get('crm')?.owner, 'this process');
    respond(granted());
    assert.equal((await renewed).generation, 3);
    await settled();
    assert.equal(store.leases.get('crm'), undefined);
  });
});
