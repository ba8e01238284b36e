import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';

describe('a start', () => {
  it('fails where the store cannot be read', async () => {
    const store = new MemoryStore();
    store.failing.add('read');
    await assert.rejects(managed(fakeCredential(), { store }), { code: 'store_unavailable' });
  });

  it('succeeds where one record does not open, and that account only is in trouble', async () => {
    const world = await managed([fakeCredential(), fakeCredential({ account: 'other' })]);
    await world.manager.get('crm');
    const sealed = Buffer.from('not of this program, but long enough for a head');
    world.store.records.set('crm', { ...world.store.records.get('crm')!, sealed });
    const { manager } = await managed([fakeCredential(), fakeCredential({ account: 'other' })], { store: world.store });
    assert.deepEqual(
      manager.status().map(({ state }) => state),
      ['dead', 'unused'],
    );
    assert.equal(manager.storeUsable, true);
  });
});
