import assert from 'node:assert/strict';
import { LoginBudgets, type BudgetLimits } from '../../src/tokens/budget.ts';
import type { Clock } from '../../src/tokens/clock.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const WINDOW = 600_000;
const LIMITS: BudgetLimits = { key: 'a', logins: 2, window: WINDOW, reserve: 0 };

async function spent(clock: FakeClock, seen: Clock = clock): Promise<LoginBudgets> {
  const budgets = new LoginBudgets(new MemoryStore(), seen);
  for (let count = 0; count < 2; count += 1) assert.equal((await budgets.debit(LIMITS, false)).granted, true);
  assert.equal((await budgets.debit(LIMITS, false)).granted, false);
  return budgets;
}

describe('a process whose machine was suspended', () => {
  it('counts no login of its own that is older than the window', async () => {
    const clock = new FakeClock();
    const budgets = await spent(clock);
    clock.suspend(WINDOW + 1_000);
    assert.equal((await budgets.state(LIMITS)).remaining, 2);
    assert.equal((await budgets.debit(LIMITS, false)).granted, true);
  });

  it('counts those that are younger', async () => {
    const clock = new FakeClock();
    const budgets = await spent(clock);
    clock.suspend(WINDOW - 1_000);
    const { granted, state } = await budgets.debit(LIMITS, false);
    assert.equal(granted, false);
    assert.equal(state.retryAt, clock.wall() + 1_000);
  });

  it('waits for a window of running time where the system does not tell how long it was suspended', async () => {
    const clock = new FakeClock();
    const plain: Clock = { wall: () => clock.wall(), monotonic: () => clock.monotonic() };
    const budgets = await spent(clock, plain);
    clock.suspend(WINDOW);
    assert.equal((await budgets.debit(LIMITS, false)).granted, false);
    clock.pass(WINDOW);
    assert.equal((await budgets.debit(LIMITS, false)).granted, true);
  });
});
