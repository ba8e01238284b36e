import assert from 'node:assert/strict';
import type { TokenwardError } from '../../src/errors.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { failed, granted, managed, fakeCredential } from '../support/credential.ts';
import type { MemoryStore } from '../support/memory-store.ts';

const unsent = failed({ reason: 'connect' });
const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 2 };

describe('a token endpoint that cannot be reached', () => {
  it('is looked for every 1 to 1.25 s while somebody asks, however long it has been away', async () => {
    const credential = fakeCredential({}, granted(), ...Array.from({ length: 1_000 }, () => unsent));
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    for (let i = 0; i < 6_000; i += 1) {
      await Promise.resolve(manager.renew('crm', first)).catch(() => undefined);
      clock.pass(100);
    }
    const tries = credential.calls.length - 1;
    assert.ok(tries > 450 && tries < 620, `${tries} in 600 s`);
    credential.answers.length = 0;
    clock.pass(1_250);
    assert.equal((await manager.renew('crm', first)).generation, 2);
  });

  it('answers all callers alike, with a Retry-After that is true', async () => {
    const credential = fakeCredential({}, unsent, unsent);
    const { manager, clock } = await managed(credential);
    const seen: [string, number, number | undefined][] = [];
    for (let i = 0; i < 5; i += 1)
      await Promise.resolve(manager.get('crm')).catch((error: unknown) => {
        const { code, status, retryAfter } = error as TokenwardError;
        seen.push([code, status, retryAfter]);
      });
    assert.deepEqual(new Set(seen.map(([code, status]) => `${code} ${status}`)), new Set(['token_unavailable 503']));
    clock.pass(seen[0]![2]! * 1_000);
    assert.equal((await manager.get('crm')).generation, 1);
  });

  it('takes no login from the budget', async () => {
    const credential = fakeCredential({ canRefresh: false, budget }, ...Array.from({ length: 100 }, () => unsent));
    const { manager, clock, store } = await managed(credential);
    for (let i = 0; i < 90; i += 1) {
      await assert.rejects(
        async () => manager.get('crm'),
        (error: TokenwardError) => error.code === 'token_unavailable',
      );
      clock.pass(1_250);
    }
    assert.equal((store.debits.get('logins') ?? []).length, 0);
    assert.equal(manager.status()[0]?.budget?.remaining, 8);
  });
});

describe('a spend note whose answer came late', () => {
  it('by a process that never called costs nothing: the refresh token is spent when its turn comes', async () => {
    const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }));
    const { manager, store, clock } = await managed(credential);
    const first = await manager.get('crm');
    const replace = store.replace.bind(store);
    let late = true;
    store.replace = async (...args) => {
      const written = await replace(...args);
      if (late) throw new StoreError('no answer within 500 ms');
      return written;
    };
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'store_unavailable',
    );
    late = false;
    clock.pass(5_000);
    // The store is looked at once a second, and given a moment after that.
    let token;
    for (let i = 0; i < 60 && token === undefined; i += 1) {
      token = await Promise.resolve(manager.renew('crm', first)).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(token?.generation, 2);
    assert.deepEqual([credential.calls, credential.spent], [['login', 'refresh'], ['r1']]);
  });

  it('of a refresh that failed without being carried out costs no login, though the store could not be told', async () => {
    const away: { store?: MemoryStore } = {};
    const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }), () => {
      away.store!.failing.add('replace');
      return failed({ reason: 'status_4xx', retryAfter: 60 });
    });
    const { manager, store, clock } = await managed(credential);
    const first = await manager.get('crm');
    away.store = store;
    await assert.rejects(async () => manager.renew('crm', first));
    store.failing.clear();
    let token;
    for (let i = 0; i < 100 && token === undefined; i += 1) {
      clock.pass(1_000);
      token = await Promise.resolve(manager.renew('crm', first)).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(token?.generation, 2);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh']);
  });
});
