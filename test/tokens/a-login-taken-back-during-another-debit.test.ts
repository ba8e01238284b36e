import assert from 'node:assert/strict';
import { LoginBudgets } from '../../src/tokens/budget.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const LIMITS = { key: 'crm', logins: 4, window: 600_000, reserve: 0 };

/*
 * A debit tells the store which logins the process has made, so that a store that has lost them counts them again. A
 * login that was taken back while such a debit was under way was restored by it, and stayed counted for the window.
 */
describe('a login that is taken back while another one is being counted', () => {
  for (const access of ['debit', 'used'] as const)
    it(`does not stay counted, told of by a slow ${access}`, async () => {
      const [store, clock] = [new MemoryStore(), new FakeClock()];
      const budgets = new LoginBudgets(store, clock);
      const first = await budgets.debit(LIMITS, false);
      const original = store[access].bind(store) as (...args: unknown[]) => Promise<unknown>;
      let goOn!: () => void;
      const held = new Promise<void>((resolve) => (goOn = resolve));
      Object.assign(store, {
        [access]: async (...args: unknown[]) => {
          await held;
          return original(...args);
        },
      });
      clock.pass(1);
      const slow = access === 'debit' ? budgets.debit(LIMITS, false) : budgets.state(LIMITS);
      await new Promise(setImmediate);
      Object.assign(store, { [access]: original });
      await budgets.takeBack(LIMITS, first.at);
      goOn();
      await slow;
      assert.equal((await budgets.state(LIMITS)).remaining, access === 'debit' ? 3 : 4);
      assert.equal((await new LoginBudgets(store, clock).state(LIMITS)).remaining, access === 'debit' ? 3 : 4);
    });
});
