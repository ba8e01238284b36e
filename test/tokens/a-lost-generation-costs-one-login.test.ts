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
});
