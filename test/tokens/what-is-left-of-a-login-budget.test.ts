import assert from 'node:assert/strict';
import { LoginBudgets, type BudgetLimits, type BudgetState } from '../../src/tokens/budget.ts';
import { fakeCredential } from '../support/credential.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const limits: BudgetLimits = { key: 'logins', logins: 5, window: 1_000, reserve: 2 };

/** After so many logins, one every 10 ms; times count from the first of them. */
async function after(logins: number, of = limits) {
  const [store, clock] = [new MemoryStore(), new FakeClock()];
  const budgets = new LoginBudgets(store, clock);
  const start = clock.wall();
  let granted: boolean[] = [];
  let last: BudgetState | undefined;
  for (let login = 0; login < logins; login += 1) {
    const debit = await budgets.debit(of, true);
    granted = [...granted, debit.granted];
    last = debit.state;
    clock.pass(10);
  }
  const { retryAt, ...left } = await budgets.state(of);
  return { granted, last, left, retryAt: retryAt === undefined ? undefined : retryAt - start, budgets, clock };
}

describe('what is left of a login budget of five, two of them in reserve', () => {
  const LEFT: [number, number, number | undefined][] = [
    [3, 2, undefined],
    [2, 2, undefined],
    [1, 2, undefined],
    // The next automatic login is made when so many have fallen out of the window that fewer than three count.
    [0, 2, 1_000],
    [0, 1, 1_010],
    [0, 0, 1_020],
  ];
  for (const [logins, [remaining, reserveRemaining, retryAt]] of LEFT.entries())
    it(`after ${logins} logins: ${remaining}, and ${reserveRemaining} in reserve`, async () => {
      const found = await after(logins);
      assert.deepEqual(found.left, { remaining, limit: 3, reserveRemaining, reserveLimit: 2 });
      assert.equal(found.retryAt, retryAt);
      assert.deepEqual(found.last, logins === 0 ? undefined : { ...found.left, retryAt: found.last?.retryAt });
    });

  it('a sixth login is not granted, to an operator either, and does not count', async () => {
    const { granted, left } = await after(6);
    assert.deepEqual(granted, [true, true, true, true, true, false]);
    assert.equal(left.reserveRemaining, 0);
  });

  it('a fourth automatic login is not granted', async () => {
    const { budgets } = await after(3);
    assert.equal((await budgets.debit(limits, false)).granted, false);
    assert.equal((await budgets.debit(limits, true)).granted, true);
  });

  it('is one more when the oldest login is as old as the window', async () => {
    const { budgets, clock } = await after(3);
    clock.pass(969);
    assert.equal((await budgets.state(limits)).remaining, 0);
    clock.pass(1);
    assert.equal((await budgets.state(limits)).remaining, 1);
  });

  it('that was made smaller than what is used of it: none, and the time is right', async () => {
    const { budgets, clock } = await after(4);
    const smaller = { ...limits, logins: 2, reserve: 1 };
    const { retryAt, ...left } = await budgets.state(smaller);
    assert.deepEqual(left, { remaining: 0, limit: 1, reserveRemaining: 0, reserveLimit: 1 });
    assert.equal(retryAt, clock.wall() - 10 + 1_000);
  });

  it('that allows no automatic login at all: none, ever', async () => {
    const { left, retryAt } = await after(0, { ...limits, logins: 2 });
    assert.deepEqual([left.remaining, left.limit, retryAt], [0, 0, 1_000]);
  });
});

describe('a login budget that is used up', () => {
  for (const [reserve, words] of [
    [1, /^account crm: its 1 automatic logins are used up; 1 are kept in reserve: tokenward renew crm --use-reserve/],
    [0, /^account crm: its 1 automatic logins are used up; none is left in reserve either/],
  ] as const)
    it(`is said to callers, with the time of the next login and what is in reserve: ${reserve}`, async () => {
      const budget = { key: 'logins', logins: 1 + reserve, window: 60_000, reserve };
      const credential = fakeCredential({ canRefresh: false, budget });
      const { manager, clock, token, error, observed } = await inVirtualTime(credential);
      const first = await token(() => manager.get('crm'));
      clock.pass(20_000);
      const { code, detail, retryAfter } = await error(() => manager.renew('crm', first));
      assert.deepEqual([code, retryAfter, observed.suppressed], ['login_budget_exhausted', 40, ['budget']]);
      assert.match(detail ?? '', words);
      assert.equal(`account crm: ${manager.status()[0]?.problem}`, detail);
      assert.equal(manager.status()[0]?.state, 'out_of_logins');
      clock.pass(40_000);
      await token(() => manager.renew('crm', first));
    });
});
