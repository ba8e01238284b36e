import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import { granted, managed, fakeCredential, refused } from '../support/credential.ts';

const DAY = 86_400_000;
const budget = { key: 'test/who', logins: 100, window: DAY, reserve: 20 };
const isExhausted = (error: unknown): boolean =>
  error instanceof TokenwardError && error.code === 'login_budget_exhausted' && error.retryAfter! > 0;

describe('a login budget of 100 a day, 20 of them in reserve', () => {
  const account = (): ReturnType<typeof fakeCredential> => fakeCredential({ canRefresh: false, budget });

  it('allows 80 automatic logins in any 24 hours, and says when the next one is possible', async () => {
    const credential = account();
    const { manager, clock, observed: observed } = await managed(credential);
    const start = clock.wall();
    let token = await manager.get('crm');
    for (let login = 2; login <= 80; login += 1) {
      clock.pass(1_000);
      token = await manager.renew('crm', token);
    }
    assert.equal(credential.calls.length, 80);
    for (let i = 0; i < 50; i += 1) {
      await assert.rejects(
        async () => manager.renew('crm', token),
        (error: unknown) =>
          isExhausted(error) &&
          (error as TokenwardError).retryAfter === Math.ceil((start + DAY - clock.wall()) / 1_000),
      );
    }
    assert.equal(credential.calls.length, 80);
    assert.deepEqual(manager.status()[0]?.budget, {
      remaining: 0,
      limit: 80,
      reserveRemaining: 20,
      reserveLimit: 20,
      retryAt: start + DAY,
    });
    assert.ok(observed.suppressed.every((reason) => reason === 'budget'));

    clock.pass(start + DAY - clock.wall());
    token = await manager.renew('crm', token);
    await assert.rejects(async () => manager.renew('crm', token), isExhausted);
    clock.pass(1_000);
    await manager.renew('crm', token);
    assert.equal(credential.calls.length, 82);
  });

  it('keeps the token in use while it is used up, and says so in the status', async () => {
    const world = await managed(account());
    const token = await world.manager.get('crm');
    for (let i = 1; i < 80; i += 1) await world.store.debit(budget.key, world.clock.wall(), DAY, 80);
    await assert.rejects(async () => world.manager.renew('crm', token), isExhausted);
    assert.equal(world.manager.get('crm'), token);
    assert.match(
      world.manager.status()[0]?.problem ?? '',
      /80 automatic logins are used up; 20 are kept in reserve: tokenward renew crm --use-reserve/,
    );
  });

  it('survives a restart, and a restart costs none of it', async () => {
    const world = await managed(account());
    const token = await world.manager.get('crm');
    for (let restart = 0; restart < 200; restart += 1) {
      const { manager } = await world.restart(account());
      await manager.get('crm');
    }
    assert.equal((await world.store.used(budget.key, world.clock.wall(), DAY)).length, 1);
    for (let i = 1; i < 80; i += 1) await world.store.debit(budget.key, world.clock.wall(), DAY, 80);
    const later = account();
    const { manager } = await world.restart(later);
    await assert.rejects(async () => manager.renew('crm', token), isExhausted);
    assert.deepEqual(later.calls, []);
  });

  it('is debited before the call: a process that dies in it has used one', async () => {
    let used: number | undefined;
    const world = await managed(
      fakeCredential({ canRefresh: false, budget }, async () => {
        used = (await world.store.used(budget.key, world.clock.wall(), DAY)).length;
        return granted();
      }),
    );
    await world.manager.get('crm');
    assert.equal(used, 1);
  });

  it('is not touched by a refresh', async () => {
    const world = await managed(fakeCredential({ budget }));
    let token = await world.manager.get('crm');
    for (let i = 0; i < 200; i += 1) token = await world.manager.renew('crm', token);
    assert.equal((await world.store.used(budget.key, world.clock.wall(), DAY)).length, 1);
  });

  it('has a reserve that only an operator spends, to its end', async () => {
    const credential = account();
    const world = await managed(credential);
    await world.manager.get('crm');
    for (let i = 1; i < 80; i += 1) await world.store.debit(budget.key, world.clock.wall(), DAY, 80);
    await assert.rejects(world.manager.renewNow('crm'), isExhausted);
    for (let i = 0; i < 20; i += 1) await world.manager.renewNow('crm', { useReserve: true });
    await assert.rejects(world.manager.renewNow('crm', { useReserve: true }), isExhausted);
    assert.equal(credential.calls.length, 21);
    assert.equal((await world.store.used(budget.key, world.clock.wall(), DAY)).length, 100);
  });

  it('is one for two accounts that the upstream counts as one', async () => {
    const [a, b] = [
      fakeCredential({ account: 'a', canRefresh: false, budget }),
      fakeCredential({ account: 'b', canRefresh: false, budget }),
    ];
    const { manager } = await managed([a, b]);
    let [one, two] = [await manager.get('a'), await manager.get('b')];
    for (let i = 0; i < 39; i += 1) {
      one = await manager.renew('a', one);
      two = await manager.renew('b', two);
    }
    await assert.rejects(async () => manager.renew('a', one), isExhausted);
    await assert.rejects(async () => manager.renew('b', two), isExhausted);
    assert.equal(a.calls.length + b.calls.length, 80);
  });

  it('is one for all processes on a store', async () => {
    const first = await managed(account());
    const credentials = [account(), account(), account()];
    const others = await Promise.all(credentials.map((credential) => first.restart(credential)));
    let token = await first.manager.get('crm');
    let exhausted = 0;
    for (let i = 0; i < 100; i += 1) {
      const old = token;
      await Promise.resolve(others[i % 3]!.manager.renew('crm', old)).then(
        (newer) => (token = newer),
        (error: unknown) => {
          assert.ok(isExhausted(error));
          exhausted += 1;
        },
      );
    }
    assert.equal(
      credentials.reduce((sum, { calls }) => sum + calls.length, 0),
      79,
    );
    assert.equal(exhausted, 21);
  });

  it('is not spent on credentials that were refused', async () => {
    const world = await managed(fakeCredential({ canRefresh: false, budget }, refused));
    for (let i = 0; i < 100; i += 1) await assert.rejects(async () => world.manager.get('crm'));
    assert.equal((await world.store.used(budget.key, world.clock.wall(), DAY)).length, 1);
  });

  it('a crash loop with a login cut off each time: few logins in an hour', async () => {
    const world = await managed([]);
    let logins = 0;
    for (let second = 0; second < 3_600; second += 2) {
      const { manager } = await world.restart(
        fakeCredential({ canRefresh: false, budget }, () => {
          logins += 1;
          // Killed here, as far as the store can tell: the intent is written, its result never.
          throw new Error('killed');
        }),
      );
      await assert.rejects(async () => manager.get('crm'));
      world.clock.pass(2_000);
    }
    assert.ok(logins >= 2 && logins <= 16, `${logins} logins`);
  });
});
