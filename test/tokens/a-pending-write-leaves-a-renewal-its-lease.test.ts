import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { lateReply } from './late-reply.ts';

describe('a pending write that ends after the next renewal of the same process has begun', () => {
  it('does not release the lease under which that renewal makes its call', async () => {
    let respond!: (outcome: Outcome) => void;
    const third = (): Promise<Outcome> => new Promise((resolve) => (respond = resolve));
    const { time, credential, manager, store, second, reply } = await lateReply(third);
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
