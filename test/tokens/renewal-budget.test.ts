import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import type { Token } from '../../src/tokens/token.ts';
import { failed, fakeCredential, granted, managed, refused, type FakeCredential } from '../support/credential.ts';

const MINUTE = 60_000;
const tenIn10Min = { key: 'test/who#renewals-600', logins: 10, window: 10 * MINUTE, reserve: 0 };
const fourADay = { key: 'test/who#renewals-86400', logins: 4, window: 1_440 * MINUTE, reserve: 0 };
const isExhausted = (error: unknown): boolean =>
  error instanceof TokenwardError && error.code === 'renewal_budget_exhausted' && error.retryAfter! > 0;

describe('a budget of 10 renewals in 10 minutes', () => {
  const account = (...answers: Parameters<typeof fakeCredential>[1][]): FakeCredential =>
    fakeCredential({ renewalBudgets: [tenIn10Min] }, ...answers.filter((one) => one !== undefined));

  it('allows so many logins and refreshes together, and says which budget is used up and when it is free', async () => {
    const credential = account();
    const { manager, clock } = await managed(credential);
    const start = clock.wall();
    let token = await manager.get('crm');
    for (let i = 0; i < 9; i += 1) {
      clock.pass(1_000);
      token = await manager.renew('crm', token);
    }
    const until = new Date(start + 10 * MINUTE).toISOString();
    for (let i = 0; i < 20; i += 1) {
      await assert.rejects(
        async () => manager.renew('crm', token),
        (error: unknown) =>
          isExhausted(error) &&
          (error as TokenwardError).detail ===
            `account crm: its 10 renewals (logins and refreshes) in 10 min are used up until ${until}` &&
          (error as TokenwardError).retryAfter === Math.ceil((start + 10 * MINUTE - clock.wall()) / 1_000),
      );
    }
    assert.deepEqual(credential.calls, ['login', ...Array.from({ length: 9 }, () => 'refresh')]);
    const [status] = manager.status();
    assert.deepEqual(status?.renewalsLeft, [{ per: 600, remaining: 0, limit: 10, retryAt: start + 10 * MINUTE }]);
    assert.equal(status.exhausted, 'renewals');

    clock.pass(start + 10 * MINUTE - clock.wall());
    await manager.renew('crm', token);
    assert.equal(credential.calls.length, 11);
    assert.equal(manager.status()[0]?.state, 'working');
  });

  it('takes the account out of service while its token cannot be used', async () => {
    const { manager, clock } = await managed(account());
    let token = await manager.get('crm');
    for (let i = 0; i < 9; i += 1) token = await manager.renew('crm', token);
    clock.pass(1);
    await assert.rejects(async () => manager.renew('crm', token), isExhausted);
    manager.rejected('crm', token);
    assert.equal(manager.status()[0]?.state, 'out_of_logins');
  });

  it('survives a restart, and is one for all processes on a store', async () => {
    const first = await managed(account());
    let token = await first.manager.get('crm');
    const credentials = [account(), account(), account()];
    const others = await Promise.all(credentials.map((credential) => first.restart(credential)));
    let exhausted = 0;
    for (let i = 0; i < 20; i += 1) {
      await Promise.resolve(others[i % 3]!.manager.renew('crm', token)).then(
        (newer: Token) => (token = newer),
        (error: unknown) => {
          assert.ok(isExhausted(error));
          exhausted += 1;
        },
      );
    }
    assert.equal(
      credentials.reduce((sum, { calls }) => sum + calls.length, 0),
      9,
    );
    assert.equal(exhausted, 11);
  });

  it('is exact for accounts that share it and renew at once', async () => {
    const all = Array.from({ length: 15 }, (_, i) =>
      fakeCredential(
        { account: `a${i}`, renewalBudgets: [tenIn10Min] },
        () => new Promise<ReturnType<typeof granted>>((resolve) => setImmediate(() => resolve(granted()))),
      ),
    );
    const { manager } = await managed(all, { maxAccounts: 20 });
    const results = await Promise.allSettled(all.map(async ({ account: name }) => manager.get(name)));
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 10);
    assert.equal(
      all.reduce((sum, { calls }) => sum + calls.length, 0),
      10,
    );
  });

  it('is debited before the call, and for a call that may have been carried out', async () => {
    let used: number | undefined;
    const cut = failed({ reason: 'reset', maybeSpent: true });
    const world = await managed(
      account(
        granted(),
        async () => {
          used = (await world.store.used(tenIn10Min.key, world.clock.wall(), tenIn10Min.window)).length;
          return cut;
        },
        granted(),
      ),
    );
    const token = await world.manager.get('crm');
    await world.manager.renew('crm', token);
    assert.equal(used, 2);
    assert.equal((await world.store.used(tenIn10Min.key, world.clock.wall(), tenIn10Min.window)).length, 3);
  });

  it('does not count a refresh of which nothing was sent', async () => {
    const unsent = failed({ reason: 'connect' });
    const world = await managed(account(granted(), unsent, unsent));
    const token = await world.manager.get('crm');
    await assert.rejects(async () => world.manager.renew('crm', token));
    assert.equal((await world.store.used(tenIn10Min.key, world.clock.wall(), tenIn10Min.window)).length, 1);
  });

  it('counts the refused refresh and the login after it', async () => {
    const credential = account(granted(), refused, granted());
    const world = await managed(credential);
    await world.manager.renew('crm', await world.manager.get('crm'));
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
    assert.equal((await world.store.used(tenIn10Min.key, world.clock.wall(), tenIn10Min.window)).length, 3);
  });

  it('that does not grant the repeat of a refresh costs no login: another process finds no note of it', async () => {
    const limits = { ...tenIn10Min, logins: 2 };
    const world = await managed(fakeCredential({ renewalBudgets: [limits] }, granted(), failed()));
    const token = await world.manager.get('crm');
    await assert.rejects(async () => world.manager.renew('crm', token), isExhausted);
    world.clock.pass(10 * MINUTE);
    const later = fakeCredential({ renewalBudgets: [limits] });
    const { manager } = await world.restart(later);
    await manager.renew('crm', token);
    assert.deepEqual(later.calls, ['refresh']);
  });

  it('makes the pauses between failing calls longer, so that an outage does not use it up', async () => {
    const credential = account(granted(), ...Array.from({ length: 40 }, () => failed()));
    const { manager, clock } = await managed(credential);
    const token = await manager.get('crm');
    for (let second = 0; second < 120; second += 1) {
      await assert.rejects(async () => manager.renew('crm', token));
      clock.pass(1_000);
    }
    assert.ok(credential.calls.length <= 9, `${credential.calls.length} calls`);
  });
});

describe('several budgets of one account', () => {
  it('must each grant the renewal', async () => {
    const credential = fakeCredential({ renewalBudgets: [tenIn10Min, fourADay] });
    const { manager, store, clock } = await managed(credential);
    let token = await manager.get('crm');
    for (let i = 0; i < 3; i += 1) token = await manager.renew('crm', token);
    await assert.rejects(async () => manager.renew('crm', token), /in 24 h are used up/);
    assert.equal(credential.calls.length, 4);
    // What the other one had granted is taken back.
    assert.equal((await store.used(tenIn10Min.key, clock.wall(), tenIn10Min.window)).length, 4);
  });

  it('a login that one of renewals does not grant costs none of the login budget', async () => {
    const budget = { key: 'test/who', logins: 5, window: 1_440 * MINUTE, reserve: 2 };
    const credential = fakeCredential({ canRefresh: false, budget, renewalBudgets: [{ ...fourADay, logins: 1 }] });
    const { manager, store, clock } = await managed(credential);
    const token = await manager.get('crm');
    for (let i = 0; i < 5; i += 1) await assert.rejects(async () => manager.renew('crm', token), isExhausted);
    assert.deepEqual(credential.calls, ['login']);
    assert.equal((await store.used(budget.key, clock.wall(), budget.window)).length, 1);
    // An operator's reserve is of logins: the vendor would not grant the renewal.
    await assert.rejects(manager.renewNow('crm', { useReserve: true }), isExhausted);
    assert.equal(manager.status()[0]?.budget?.remaining, 2);
  });
});

describe('early renewals under a budget of renewals', () => {
  const lasting = (): ReturnType<typeof granted> => granted({ lifetime: 100 });

  it('leave a quarter of it for renewals that a request needs', async () => {
    const credential = fakeCredential(
      { renew: 'early', renewalBudgets: [fourADay] },
      ...Array.from({ length: 8 }, () => lasting()),
    );
    const { manager, clock } = await managed(credential);
    await manager.get('crm');
    for (let i = 0; i < 2; i += 1) {
      clock.pass(90_000);
      await manager.get('crm');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.equal(credential.calls.length, 3, 'the first login, and two early refreshes');
    clock.pass(90_000);
    const last = await manager.get('crm');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(credential.calls.length, 3);
    assert.equal(manager.status()[0]?.state, 'working');
    // Now a request needs it.
    await manager.renew('crm', last);
    assert.equal(credential.calls.length, 4);
  });

  it('that are held back do not fail a request that has joined them', async () => {
    const credential = fakeCredential(
      { renew: 'early', renewalBudgets: [{ ...fourADay, logins: 2 }] },
      lasting(),
      lasting(),
    );
    const { manager, clock } = await managed(credential);
    const token = await manager.get('crm');
    clock.pass(90_000);
    assert.equal(manager.get('crm'), token);
    // The early renewal is under way, and an upstream rejects the token.
    const newer = await manager.renew('crm', token);
    assert.equal(newer.generation, token.generation + 1);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('that are held back until the token has ended do not fail the request that waited', async () => {
    const credential = fakeCredential(
      { renew: 'early', renewalBudgets: [{ ...fourADay, logins: 2 }] },
      lasting(),
      lasting(),
    );
    const { manager, clock, store } = await managed(credential);
    const token = await manager.get('crm');
    clock.pass(99_500);
    const debit = store.debit.bind(store);
    store.debit = async (...args) => {
      clock.pass(1_000);
      return debit(...args);
    };
    const newer = await manager.get('crm');
    assert.equal(newer.generation, token.generation + 1);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });
});
