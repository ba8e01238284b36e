import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';

describe('a late rejection', () => {
  it('gets the token there is, if it is newer, at once', async () => {
    const credential = fakeCredential();
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    const second = await manager.renew('crm', first);
    assert.equal(manager.renew('crm', first), second);
    assert.equal(manager.isCurrent('crm', second), true);
    assert.equal(manager.isCurrent('crm', first), false);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('does not get one that has ended', async () => {
    const { manager, clock } = await managed(fakeCredential());
    const first = await manager.get('crm');
    await manager.renew('crm', first);
    clock.pass(3_600_000);
    assert.equal((await manager.renew('crm', first)).generation, 3);
  });

  it('does not get one that was rejected as well meanwhile', async () => {
    let give!: (outcome: Outcome) => void;
    const third = new Promise<Outcome>((resolve) => (give = resolve));
    const { manager } = await managed(fakeCredential({}, granted(), granted(), () => third));
    const first = await manager.get('crm');
    const second = await manager.renew('crm', first);
    const renewals = [manager.renew('crm', second), manager.renew('crm', first)];
    give(granted());
    assert.deepEqual(
      (await Promise.all(renewals.map(async (one) => one))).map(({ generation }) => generation),
      [3, 3],
    );
  });
});

describe('a token of an account that has none here', () => {
  it('is the current one, as far as is known', async () => {
    const world = await managed(fakeCredential());
    const token = await world.manager.get('crm');
    const { manager } = await world.restart(fakeCredential({ identity: 'they' }));
    assert.equal(manager.isCurrent('crm', token), true);
  });
});
