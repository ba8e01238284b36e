import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';

const budget = { key: 'logins', logins: 3, window: 86_400_000, reserve: 1 };

describe('the counts of logins that are shown', () => {
  it('are those of all processes, once they are looked at', async () => {
    const world = await managed([fakeCredential({ budget }), fakeCredential({ account: 'other' })]);
    const other = await world.restart(fakeCredential({ budget }), { owner: 'another process' });
    await other.manager.get('crm');
    const remaining = (): unknown => world.manager.statusOf('crm')?.budget?.remaining;
    assert.equal(remaining(), 2);
    await world.manager.refreshBudgets();
    assert.equal(remaining(), 1);
  });

  it('stay as they are while the store cannot be read', async () => {
    const world = await managed(fakeCredential({ budget }));
    world.store.failing.add('used');
    await world.manager.refreshBudgets();
    assert.equal(world.manager.statusOf('crm')?.budget?.remaining, 2);
    assert.equal(world.manager.storeUsable, false);
    await world.manager.close();
  });
});
