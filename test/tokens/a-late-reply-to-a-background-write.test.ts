import assert from 'node:assert/strict';
import { settled } from '../support/virtual-time.ts';
import { lateReply } from './late-reply.ts';

describe('a late reply to a write in the background', () => {
  it('does not put its token back in use after a newer one', async () => {
    const { time, manager, store, second, reply } = await lateReply();
    const renewed = Promise.resolve(manager.renew('crm', second));
    await time.advance(3_000);
    assert.equal((await renewed).generation, 3);
    reply();
    await settled();
    assert.equal((await manager.get('crm')).generation, 3);
    assert.equal(store.records.get('crm')?.generation, 3);
  });

  it('does not drop a newer token that waits to be stored', async () => {
    const { time, manager, store, second, reply } = await lateReply();
    const renewed = Promise.resolve(manager.renew('crm', second));
    // The spend note is written; the grant is not.
    const replace = store.replace.bind(store);
    store.replace = async (...args) => {
      store.replace = async () => {
        store.failing.add('replace');
        store.replace = replace;
        return replace(...args);
      };
      return replace(...args);
    };
    await time.advance(3_000);
    assert.equal((await renewed).generation, 3);
    assert.equal(store.records.get('crm')?.generation, 2);
    reply();
    await settled();
    assert.equal(manager.status()[0]?.problem, 'the new token could not be stored yet');
    assert.equal(store.leases.get('crm')?.owner, 'this process');
    store.failing.clear();
    await time.advance(10_000);
    assert.equal(store.records.get('crm')?.generation, 3);
  });
});
