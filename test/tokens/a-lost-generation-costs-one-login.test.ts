import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';

describe('a rejected token whose generation the store has lost, and this process with it', () => {
  it('costs one login, whose token is above it', async () => {
    const world = await managed(fakeCredential());
    let rejected = await world.manager.get('crm');
    while (rejected.generation < 5) rejected = await world.manager.renew('crm', rejected);
    world.store.records.clear();
    const credential = fakeCredential();
    const { manager } = await world.restart(credential);
    const token = await manager.renew('crm', rejected);
    assert.ok(token.generation > 5, `generation ${token.generation}`);
    assert.deepEqual(credential.calls, ['login']);
    assert.equal(world.store.records.get('crm')?.generation, token.generation);
  });

  it('costs an operator one login, too, though its record is removed at that moment', async () => {
    const world = await managed(fakeCredential());
    let token = await world.manager.get('crm');
    while (token.generation < 5) token = await world.manager.renew('crm', token);
    const credential = fakeCredential();
    const { store } = world;
    // The process could not open the record when it started, and the record is removed once the operator's renewal has.
    const record = store.records.get('crm')!;
    store.records.set('crm', { ...record, sealed: Buffer.from('damaged') });
    const { manager } = await world.restart(credential);
    store.records.set('crm', record);
    const read = store.read.bind(store);
    store.read = async (account) => {
      const found = await read(account);
      store.records.clear();
      return found;
    };
    const renewed = await manager.renewNow('crm');
    assert.deepEqual(credential.calls, ['login']);
    assert.ok(renewed.generation > 5, `generation ${renewed.generation}`);
  });
});
