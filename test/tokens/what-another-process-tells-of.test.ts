import assert from 'node:assert/strict';
import { TokenManager } from '../../src/tokens/manager.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { AnnouncingStore, listening, renewElsewhere } from './announced.ts';

describe('a token that another process tells of', () => {
  it('is used from then on, without a call', async () => {
    const credential = fakeCredential();
    const world = await listening(credential);
    await world.manager.get('crm');
    await renewElsewhere(world, fakeCredential({}, granted({ secret: 'theirs' })));
    assert.equal((await world.manager.get('crm')).reveal(), 'theirs');
    assert.deepEqual(credential.calls, ['login']);
  });

  it('is not read for an account that this process does not use', async () => {
    const { store } = await listening(fakeCredential());
    const { reads } = store;
    store.announce('nobody');
    await settled();
    assert.equal(store.reads, reads);
  });

  it('is not read by a process that ends', async () => {
    const { store, manager } = await listening(fakeCredential());
    await manager.close();
    const { reads } = store;
    store.announce('crm');
    await settled();
    assert.equal(store.reads, reads);
  });

  it('is read by the first request, where nothing was read yet', async () => {
    const credential = fakeCredential();
    const [store, clock] = [new AnnouncingStore(), new FakeClock()];
    const { records } = await managed([], { store, clock });
    const ignore = (): void => undefined;
    const observer = { renewed: ignore, suppressed: ignore, changed: ignore, storeFailed: ignore };
    const source = { get: () => credential, has: () => true, size: 1, declared: [], names: () => [] };
    const manager = new TokenManager(source, { store, records, observer, clock });
    await manager.load();
    assert.equal(manager.canRenew('crm'), true);
    store.announce('crm');
    await settled();
    assert.equal(store.reads, 0);
    await manager.get('crm');
    assert.ok(store.reads > 0);
    const { reads } = store;
    store.announce('crm');
    await settled();
    assert.ok(store.reads > reads);
  });

  it('that cannot be read is looked for at the next renewal', async () => {
    const { store, manager } = await listening(fakeCredential());
    const first = await manager.get('crm');
    store.failing.add('read');
    store.announce('crm');
    await settled();
    assert.equal(manager.storeUsable, false);
    assert.equal(manager.get('crm'), first);
    await manager.close();
  });

  it('is read again a moment later if the store failed just then, as right after a failover', async () => {
    const world = await listening(fakeCredential());
    const { store, manager, time } = world;
    await manager.get('crm');
    store.failing.add('read');
    await renewElsewhere(world, fakeCredential({}, granted({ secret: 'theirs' })));
    store.failing.delete('read');
    await time.advance(2_000);
    assert.equal((await manager.get('crm')).reveal(), 'theirs');
  });

  it('takes nothing from the rejection of the token there is, if it is no newer', async () => {
    const { store, manager, clock } = await listening(fakeCredential());
    const token = await manager.get('crm');
    manager.rejected('crm', token);
    store.announce('crm');
    await settled();
    assert.equal(manager.get('crm'), token);
    assert.deepEqual([manager.statusOf('crm')?.state, manager.statusOf('crm')?.refusedAt], ['down', clock.wall()]);
  });

  it('leaves a fixed token as it is: the account is not dead for want of a refresh token', async () => {
    const { store, manager } = await listening(fakeCredential({ staticToken: 'key', canLogin: false }));
    store.announce('crm');
    await settled();
    assert.deepEqual([manager.statusOf('crm')?.state, manager.statusOf('crm')?.dead], ['working', false]);
  });

  it('does not take the place of a fixed token: the other process still has the flow of before', async () => {
    const world = await listening(fakeCredential({ staticToken: 'key', canLogin: false }));
    const elsewhere = fakeCredential();
    await renewElsewhere(world, elsewhere);
    await renewElsewhere(world, elsewhere);
    assert.equal((await world.manager.get('crm')).reveal(), 'key');
  });

  it('is asked for where the connection to the store was lost: what the store has lost is written back', async () => {
    const { store, manager, time } = await listening(fakeCredential());
    await manager.get('crm');
    await settled();
    store.records.clear();
    store.isBack();
    await time.advance(1_000);
    assert.equal(store.records.get('crm')?.generation, 1);
  });
});

describe('a store that cannot be listened to', () => {
  it('stops the start, and says at what it failed', async () => {
    const store = Object.assign(new AnnouncingStore(), { watch: async () => assert.fail('no connection') });
    const failed: string[] = [];
    const ignore = (): void => undefined;
    const observer = {
      renewed: ignore,
      suppressed: ignore,
      changed: ignore,
      storeFailed: (operation: string) => void failed.push(operation),
    };
    await assert.rejects(managed(fakeCredential(), { store, observer }), { code: 'store_unavailable' });
    assert.deepEqual(failed, ['watch']);
  });
});
