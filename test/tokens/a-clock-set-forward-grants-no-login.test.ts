import assert from 'node:assert/strict';
import { LoginBudgets, type BudgetLimits } from '../../src/tokens/budget.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const WINDOW = 600_000;
const LIMITS: BudgetLimits = { key: 'a', logins: 3, window: WINDOW, reserve: 1 };

describe('a clock that is set forward by more than a window', () => {
  async function spent() {
    const clock = new FakeClock();
    const budgets = new LoginBudgets(new MemoryStore(), clock);
    for (let count = 0; count < 2; count += 1) {
      clock.pass(1_000);
      assert.equal((await budgets.debit(LIMITS, false)).granted, true);
    }
    clock.jump(25 * 3_600_000);
    return { clock, budgets };
  }

  it('grants no login to the process that has made as many as it may', async () => {
    const { clock, budgets } = await spent();
    const { granted, state } = await budgets.debit(LIMITS, false);
    assert.equal(granted, false);
    assert.equal(state.remaining, 0);
    assert.equal(state.reserveRemaining, 1);
    // The first one was a second before the last.
    assert.equal(state.retryAt, clock.wall() - 1_000 + WINDOW);
    assert.deepEqual(await budgets.state(LIMITS), state);
  });

  it('leaves the reserve to an operator', async () => {
    const { budgets } = await spent();
    assert.equal((await budgets.debit(LIMITS, true)).granted, true);
    assert.equal((await budgets.debit(LIMITS, true)).granted, false);
  });

  it('grants the next one when a window has passed by a clock that nobody sets', async () => {
    const { clock, budgets } = await spent();
    clock.pass(WINDOW - 1_000);
    assert.equal((await budgets.debit(LIMITS, false)).granted, true);
  });
});
