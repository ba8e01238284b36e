import assert from 'node:assert/strict';
import { failed, granted, managed, fakeCredential, refused } from '../support/credential.ts';

describe('a refresh token', () => {
  it('whose call may have been carried out is not spent again: a login takes its place, and no caller notices', async () => {
    const credential = fakeCredential(
      {},
      granted({ refreshSecret: 'r1' }),
      failed({ reason: 'reset', maybeSpent: true }),
    );
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
    assert.deepEqual(credential.spent, ['r1']);
  });

  it('the same over a restart, and after a login that failed as well', async () => {
    const credential = fakeCredential(
      {},
      granted({ refreshSecret: 'r1' }),
      failed({ reason: 'reset', maybeSpent: true }),
      failed(),
      failed(),
    );
    const world = await managed(credential);
    const first = await world.manager.get('crm');
    await assert.rejects(async () => world.manager.renew('crm', first));
    world.clock.pass(60_000);
    const later = fakeCredential();
    const second = await world.restart(later);
    assert.equal((await second.manager.renew('crm', first)).generation, 2);
    assert.deepEqual([...credential.calls, ...later.calls], ['login', 'refresh', 'login', 'login', 'login']);
    assert.deepEqual([...credential.spent, ...later.spent], ['r1']);
  });

  it('of a process that died between sending and storing is not spent again by the next one', async () => {
    let end!: () => void;
    const credential = fakeCredential(
      {},
      granted({ refreshSecret: 'r1' }),
      () => new Promise((resolve) => (end = () => resolve(failed()))),
    );
    const world = await managed(credential);
    const first = await world.manager.get('crm');
    const dying = Promise.resolve(world.manager.renew('crm', first)).catch(() => undefined);
    while (credential.calls.length < 2) await new Promise(setImmediate);
    // It is gone, and its lease with it.
    world.store.leases.clear();
    const later = fakeCredential();
    const second = await world.restart(later);
    // The access token still lives: no call at all as long as it works.
    assert.equal((await second.manager.get('crm')).reveal(), first.reveal());
    assert.deepEqual(later.calls, []);
    assert.equal((await second.manager.renew('crm', first)).generation, 2);
    assert.deepEqual(later.calls, ['login']);
    assert.deepEqual(later.spent, []);
    end();
    await dying;
  });

  it('within a configured grace it is spent once more, and no third time', async () => {
    const lost = failed({ reason: 'reset', maybeSpent: true });
    const credential = fakeCredential({ rotationGrace: 30_000 }, granted({ refreshSecret: 'r1' }), lost, lost);
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh', 'login']);
    assert.deepEqual(credential.spent, ['r1', 'r1']);
  });

  it('after the grace it is not', async () => {
    const credential = fakeCredential(
      { rotationGrace: 30_000, renew: 'early' },
      granted({ refreshSecret: 'r1' }),
      failed({ maybeSpent: true }),
    );
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(3_400_000);
    await manager.getLasting('crm');
    clock.pass(31_000);
    await manager.renew('crm', first);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
  });

  it('whose call certainly did not arrive is kept and tried again, while the caller waits', async () => {
    const credential = fakeCredential(
      {},
      granted({ refreshSecret: 'r1' }),
      failed({ reason: 'connect', maybeSpent: false }),
    );
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    await manager.renew('crm', first);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh']);
  });

  it('that is refused leads to a login in the same renewal', async () => {
    const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }), refused);
    const { manager } = await managed(credential);
    const first = await manager.get('crm');
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
    assert.equal(manager.status()[0]?.dead, false);
  });

  it('refused because somebody else has just spent it: their token is taken over, without a login', async () => {
    const theirs = fakeCredential({}, granted({ secret: 'theirs' }));
    const world = await managed(fakeCredential({}, granted({ refreshSecret: 'r1' })));
    const first = await world.manager.get('crm');
    const credential = fakeCredential({}, async () => {
      // Our lease is thought to be over: another process logs in while we are still at it.
      world.store.leases.clear();
      const other = await world.restart(theirs);
      await other.manager.renew('crm', first);
      return refused;
    });
    const { manager } = await world.restart(credential);
    assert.equal((await manager.renew('crm', first)).reveal(), 'theirs');
    assert.deepEqual(credential.calls, ['refresh']);
  });

  it('that the answer leaves out stays the old one, with its end', async () => {
    const credential = fakeCredential(
      {},
      granted({ refreshSecret: 'r1', refreshLifetime: 1_000 }),
      granted({ refreshSecret: undefined }),
      granted({ refreshSecret: 'r3', refreshLifetime: 50 }),
    );
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    const second = await manager.renew('crm', first);
    assert.equal(second.revealRefresh(), 'r1');
    assert.equal(second.refreshExpiresAt, first.refreshExpiresAt);
    const third = await manager.renew('crm', second);
    assert.equal(third.revealRefresh(), 'r3');
    assert.equal(third.refreshExpiresAt, clock.wall() + 50_000);
    assert.deepEqual(credential.spent, ['r1', 'r1']);
  });

  it('a login that brings none does not inherit the one that was refused', async () => {
    const credential = fakeCredential(
      {},
      granted({ refreshSecret: 'r1' }),
      refused,
      granted({ refreshSecret: undefined }),
    );
    const { manager } = await managed(credential);
    const second = await manager.renew('crm', await manager.get('crm'));
    assert.equal(second.revealRefresh(), undefined);
  });

  it('past its own end is not tried', async () => {
    const credential = fakeCredential({}, granted({ refreshLifetime: 1_000 }));
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(1_001_000);
    await manager.renew('crm', first);
    assert.deepEqual(credential.calls, ['login', 'login']);
  });

  it('of an account whose flow has no refresh is not tried', async () => {
    const credential = fakeCredential({ canRefresh: false });
    const { manager } = await managed(credential);
    await manager.renew('crm', await manager.get('crm'));
    assert.deepEqual(credential.calls, ['login', 'login']);
  });
});
