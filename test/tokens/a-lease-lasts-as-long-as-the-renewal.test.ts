import assert from 'node:assert/strict';
import { LEASE_TTL_MS } from '../../src/deadlines.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

describe('the lease of a renewal', () => {
  /** A manager whose second renewal ends when the test says so; when it asked for the lease since, in virtual ms. */
  async function longRenewal() {
    const time = new VirtualTime();
    let respond!: (outcome: Outcome) => void;
    const credential = fakeCredential({}, granted(), () => new Promise<Outcome>((resolve) => (respond = resolve)));
    const checkpoints: string[] = [];
    const world = await managed(credential, {
      ...time,
      owner: 'this process',
      checkpoint: (point) => void checkpoints.push(point.slice(0, 2)),
    });
    const first = await world.manager.get('crm');
    await settled();
    checkpoints.length = 0;
    const start = time.clock.monotonic();
    const requests: [after: number, ttl: number][] = [];
    const acquireLease = world.store.acquireLease.bind(world.store);
    world.store.acquireLease = async (account, owner, ttl) => {
      if (owner === 'this process') requests.push([time.clock.monotonic() - start, ttl]);
      return acquireLease(account, owner, ttl);
    };
    return { ...world, time, credential, first, requests, checkpoints, respond: () => respond(granted()) };
  }

  it('is prolonged every third of its time, and no more after it', async () => {
    const { time, manager, store, first, requests, respond } = await longRenewal();
    const renewed = Promise.resolve(manager.renew('crm', first));
    await time.advance(25_000);
    respond();
    assert.equal((await renewed).generation, 2);
    await time.advance(60_000);
    assert.deepEqual(requests, [
      [0, LEASE_TTL_MS],
      [10_000, LEASE_TTL_MS],
      [20_000, LEASE_TTL_MS],
    ]);
    assert.equal(store.leases.size, 0);
  });

  it('is asked for again although the store has failed once, and the failure is reported', async () => {
    const { time, manager, store, first, requests, observed, respond } = await longRenewal();
    const renewed = Promise.resolve(manager.renew('crm', first));
    await time.advance(5_000);
    store.failing.add('acquireLease');
    await time.advance(10_000);
    assert.deepEqual(observed.storeFailed, ['lease']);
    store.failing.clear();
    await time.advance(10_000);
    assert.equal(requests.length, 3);
    respond();
    assert.equal((await renewed).generation, 2);
  });

  it('that another process has taken over allows no call, however recently this one has asked for it', async () => {
    const { time, manager, store, first, credential } = await longRenewal();
    // The write of the spend note takes so long that the lease is to be prolonged meanwhile.
    let goOn!: () => void;
    store.beforeReplace = () => new Promise((resolve) => (goOn = resolve));
    const renewed = assert.rejects(async () => manager.renew('crm', first), { code: 'token_unavailable' });
    await time.advance(5_000);
    store.leases.set('crm', { owner: 'another process', until: Infinity });
    await time.advance(6_000);
    goOn();
    await time.advance(1_000);
    await renewed;
    assert.deepEqual(credential.calls, ['login']);
    assert.equal(store.leases.get('crm')?.owner, 'another process');
  });

  it('that it did not get is not released', async () => {
    const { time, manager, store, first, credential } = await longRenewal();
    store.leases.set('crm', { owner: 'another process', until: Infinity });
    let releases = 0;
    store.releaseLease = async () => void (releases += 1);
    const renewed = assert.rejects(async () => manager.renew('crm', first), { code: 'token_unavailable' });
    await time.advance(60_000);
    await renewed;
    assert.deepEqual([releases, credential.calls], [0, ['login']]);
  });

  it('is released after the token is stored and in use', async () => {
    const { time, manager, first, checkpoints, respond } = await longRenewal();
    const renewed = Promise.resolve(manager.renew('crm', first));
    await time.advance(0);
    respond();
    await renewed;
    await settled();
    assert.deepEqual(checkpoints, ['P0', 'P1', 'P2', 'P6', 'P7', 'P8', 'P9']);
  });

  it('is released before the next renewal of this process asks for it', async () => {
    const { time, manager, store, first, requests, respond } = await longRenewal();
    let released!: () => void;
    const releaseLease = store.releaseLease.bind(store);
    store.releaseLease = async (account, owner) => {
      store.releaseLease = releaseLease;
      await new Promise<void>((resolve) => (released = resolve));
      return releaseLease(account, owner);
    };
    const renewed = Promise.resolve(manager.renew('crm', first));
    await time.advance(0);
    respond();
    const second = await renewed;
    const next = Promise.resolve(manager.renew('crm', second));
    await time.advance(1_000);
    assert.equal(requests.length, 1);
    released();
    await time.advance(0);
    assert.equal((await next).generation, 3);
    assert.equal(requests.length, 2);
  });
});
