import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import { EMPTY_RECORD } from '../../src/tokens/records.ts';
import { Token } from '../../src/tokens/token.ts';
import type { FakeClock } from '../support/clock.ts';
import { failed, granted, managed, fakeCredential, type Managed } from '../support/credential.ts';
import { eventually } from '../support/eventually.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

const isStoreError = (error: unknown): boolean => error instanceof TokenwardError && error.code === 'store_unavailable';

describe('a store that cannot be written after a grant', () => {
  /** A manager whose second token is granted while the store fails. */
  async function withUnsavedToken(): Promise<
    Managed & { credential: ReturnType<typeof fakeCredential>; time: VirtualTime }
  > {
    const time = new VirtualTime();
    const credential: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), () => {
      world.store.failing.add('replace');
      return granted({ secret: 'the only copy', refreshSecret: 'its refresh token' });
    });
    const world = await managed(credential, time);
    const first = await world.manager.get('crm');
    assert.equal((await world.manager.renew('crm', first)).reveal(), 'the only copy');
    return { ...world, credential, time };
  }

  it('serves the new token, and says that it is not stored yet', async () => {
    const world = await withUnsavedToken();
    assert.equal((await world.manager.get('crm')).reveal(), 'the only copy');
    const [status] = world.manager.status();
    assert.deepEqual(
      [status?.state, status?.generation, status?.problem],
      ['degraded', 2, 'the new token could not be stored yet'],
    );
    assert.ok(world.observed.storeFailed.includes('write'));
  });

  it('saves it as soon as the store is back, by itself', async () => {
    const world = await withUnsavedToken();
    world.store.failing.clear();
    await world.time.advance(200);
    await settled();
    const { token, intent } = await world.records.read('crm');
    assert.deepEqual([token?.reveal(), intent], ['the only copy', undefined]);
    const [status] = world.manager.status();
    assert.deepEqual([status?.state, status?.problem], ['working', undefined]);
    assert.equal((await world.restart(fakeCredential())).manager.status()[0]?.generation, 2);
  });

  it('closing waits until it is saved', async () => {
    const world = await withUnsavedToken();
    const closed = world.manager.close();
    await world.time.advance(300);
    world.store.failing.clear();
    await world.time.advance(500);
    await closed;
    assert.equal((await world.records.read('crm')).token?.reveal(), 'the only copy');
  });

  it('a renewal of the unsaved token saves it first, and spends its refresh token, not the old one', async () => {
    const world = await withUnsavedToken();
    const second = await world.manager.get('crm');
    await assert.rejects(async () => world.manager.renew('crm', second), isStoreError);
    assert.equal(world.credential.calls.length, 2, 'nothing may be spent that cannot be written down');
    world.store.failing.clear();
    assert.equal((await world.manager.renew('crm', second)).generation, 3);
    assert.equal(world.credential.spent[1], 'its refresh token');
  });

  it('nobody else may renew meanwhile: the lease is kept', async () => {
    const world = await withUnsavedToken();
    assert.equal(await world.store.acquireLease('crm', 'somebody else', 1_000), false);
    world.store.failing.clear();
    await world.time.advance(200);
    await settled();
    assert.equal(await world.store.acquireLease('crm', 'somebody else', 1_000), true);
  });

  it('is not written over a token that is newer still', async () => {
    const world = await withUnsavedToken();
    world.store.leases.clear();
    world.store.failing.clear();
    const theirs = await world.restart(fakeCredential({}, granted({ secret: 'third' })));
    let token = await theirs.manager.get('crm');
    while (token.generation < 3) token = await theirs.manager.renew('crm', token);
    await world.time.advance(3_000);
    assert.equal((await world.records.read('crm')).generation, token.generation);
  });

  it('waits for a process that has taken over the renewal, and takes its token', async () => {
    const world = await withUnsavedToken();
    // It holds the lease, has written its spend note, and its call is under way.
    world.store.leases.set('crm', { owner: 'somebody else', until: Date.now() + 60_000 });
    world.store.failing.clear();
    const begun = await world.records.read('crm');
    const intended = await world.records.replace('crm', {
      ...begun,
      intent: { kind: 'login', startedAt: world.clock.wall(), attempt: 1 },
    });
    await world.time.advance(1_000);
    assert.equal(
      (await world.records.read('crm')).generation,
      1,
      'its grant would have found no record to be written to',
    );
    const credential = fakeCredential({}, granted({ secret: 'theirs' }));
    const { manager } = await managed(credential);
    const token = await manager.get('crm');
    await world.records.replace('crm', { ...intended!, intent: undefined, generation: 2, token });
    world.store.leases.clear();
    await world.time.advance(3_000);
    assert.equal((await world.manager.get('crm')).reveal(), 'theirs');
  });

  it('is written at once if the process with the lease has written nothing yet, so that it does not spend the old one', async () => {
    const world = await withUnsavedToken();
    world.store.leases.set('crm', { owner: 'somebody else', until: Date.now() + 60_000 });
    world.store.failing.clear();
    await world.time.advance(200);
    await settled();
    assert.equal((await world.records.read('crm')).token?.reveal(), 'the only copy');
  });

  it('is kept as well when somebody else has written and the store then fails', async () => {
    const credential: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), () => {
      const current = world.store.records.get('crm')!;
      world.store.records.set('crm', { ...current, revision: current.revision + 1 });
      world.store.failing.add('read');
      return granted({ secret: 'the only copy' });
    });
    const time = new VirtualTime();
    const world = await managed(credential, time);
    assert.equal((await world.manager.renew('crm', await world.manager.get('crm'))).reveal(), 'the only copy');
    world.store.failing.clear();
    await time.advance(200);
    await settled();
    assert.equal((await world.records.read('crm')).token?.reveal(), 'the only copy');
  });
});

describe('a store in trouble before a call', () => {
  for (const operation of ['read', 'acquireLease', 'replace', 'debit'] as const) {
    it(`${operation} fails: no call is made, living tokens go on, and it heals`, async () => {
      const credential = fakeCredential({
        canRefresh: false,
        budget: { key: 'k', logins: 10, window: 1_000_000, reserve: 0 },
      });
      const { manager, store } = await managed(credential);
      const first = await manager.get('crm');
      store.failing.add(operation);
      await assert.rejects(async () => manager.renew('crm', first), isStoreError);
      assert.equal(manager.get('crm'), first);
      assert.deepEqual(credential.calls, ['login']);
      store.failing.clear();
      assert.equal((await manager.renew('crm', first)).generation, 2);
    });
  }

  it('a record that does not open is never overwritten: no login, a clear error, and the process starts', async () => {
    const world = await managed(fakeCredential());
    await world.manager.get('crm');
    const bad = { ...world.store.records.get('crm')!, sealed: Buffer.from('rubbish') };
    world.store.records.set('crm', bad);
    const later = fakeCredential();
    const { manager } = await world.restart(later);
    await assert.rejects(async () => manager.get('crm'), isStoreError);
    await assert.rejects(manager.renewNow('crm'), isStoreError);
    assert.deepEqual(later.calls, []);
    assert.equal(world.store.records.get('crm'), bad);
  });

  it("fails while another process's token is waited for: who has heard of that token by then is served with it", async () => {
    const theirs = await managed(fakeCredential());
    let tell: ((account: string) => void) | undefined;
    const store = Object.assign(theirs.store, {
      watch: async (listener: (account: string) => void) => void (tell = listener),
    });
    const credential = fakeCredential();
    const { manager } = await theirs.restart(credential, { owner: 'waits' });
    await store.acquireLease('crm', 'renews', 30_000);
    const waiting = manager.get('crm');
    await new Promise((resolve) => setImmediate(resolve));
    await theirs.records.replace('crm', {
      ...EMPTY_RECORD,
      generation: 1,
      identity: 'who',
      token: livingToken(theirs.clock),
    });
    tell!('crm');
    await eventually('it is heard of', () => manager.status()[0]?.generation === 1);
    for (const operation of ['read', 'acquireLease'] as const) store.failing.add(operation);
    assert.equal((await waiting).generation, 1);
    assert.deepEqual(credential.calls, []);
  });

  it('a lease that cannot be given back is reported, and the token is served', async () => {
    const { manager, store, observed: observed } = await managed(fakeCredential());
    store.failing.add('releaseLease');
    assert.equal((await manager.get('crm')).generation, 1);
    await eventually('it is reported', () => observed.storeFailed.includes('lease'));
  });

  it('a call that fails after another process has brought the token comes to that token', async () => {
    const credential: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), async () => {
      // Stopped for longer than the lease holds: the other one took over from the intent, and this call has timed out.
      world.store.leases.clear();
      const theirs = await managed(fakeCredential({}, granted({ secret: 'theirs' })), {
        store: world.store,
        clock: world.clock,
      });
      await theirs.manager.renew('crm', await theirs.manager.get('crm'));
      return failed({ reason: 'timeout', maybeSpent: true });
    });
    const world = await managed(credential);
    const first = await world.manager.get('crm');
    assert.equal((await world.manager.renew('crm', first)).reveal(), 'theirs');
    const [status] = world.manager.status();
    assert.deepEqual(
      [status?.generation, status?.ready, status?.problem, status?.retryAt],
      [2, true, undefined, undefined],
    );
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('a grant that comes after another process has stored a newer token does not overwrite it, though that one is over', async () => {
    const credential: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), async () => {
      world.store.leases.clear();
      const theirs = await managed(
        fakeCredential({}, granted({ secret: 'theirs', refreshSecret: 'their refresh token', lifetime: 60 })),
        { store: world.store, clock: world.clock },
      );
      await theirs.manager.renew('crm', await theirs.manager.get('crm'));
      world.clock.pass(61_000);
      return granted({ secret: 'late' });
    });
    const world = await managed(credential);
    const first = await world.manager.get('crm');
    // Their token is renewed, not overwritten.
    assert.ok((await world.manager.renew('crm', first)).generation > 2);
    assert.ok(!(await world.records.read('crm')).token?.reveal().includes('late'));
    assert.equal(credential.spent.at(-1), 'their refresh token');
  });

  it('a write lost to another process costs one more try, and spends nothing before it', async () => {
    const credential = fakeCredential();
    const { manager, store } = await managed(credential);
    const first = await manager.get('crm');
    store.beforeReplace = (account) => {
      store.beforeReplace = undefined;
      const current = store.records.get(account)!;
      store.records.set(account, { ...current, revision: current.revision + 1 });
    };
    assert.equal((await manager.renew('crm', first)).generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh'], 'nothing is spent without its note');
  });
});

function livingToken(clock: FakeClock): Token {
  return new Token(
    { generation: 1, obtainedAt: clock.wall(), expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity },
    'theirs',
    'their refresh token',
  );
}
