import assert from 'node:assert/strict';
import { LoginBudgets, type BudgetLimits } from '../../src/tokens/budget.ts';
import { RecordError, StoreError } from '../../src/tokens/store.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const WINDOW = 60_000;
const of = (key: string): BudgetLimits => ({ key, logins: 10, window: WINDOW, reserve: 0 });

/** A process that has counted a login in each of these budgets, and a store that has lost them since. */
async function lost(...keys: string[]) {
  const [store, clock] = [new MemoryStore(), new FakeClock()];
  const budgets = new LoginBudgets(store, clock);
  for (const key of keys) await budgets.debit(of(key), false);
  store.debits.clear();
  return { store, clock, budgets, restored: () => [...store.debits.keys()] };
}

/** The budgets that the store is asked for from now on. */
function askedFor(store: MemoryStore): string[] {
  const asked: string[] = [];
  const used = store.used.bind(store);
  store.used = async (key, ...rest) => {
    asked.push(key);
    return used(key, ...rest);
  };
  return asked;
}

describe('logins that a store has lost', () => {
  it('are restored by the process that counted them, in all its budgets', async () => {
    const { budgets, restored } = await lost('a', 'b', 'c');
    await budgets.writeBack();
    assert.deepEqual(restored(), ['a', 'b', 'c']);
  });

  it('are restored before the next one is granted', async () => {
    const { budgets, store } = await lost('a');
    assert.equal((await budgets.debit(of('a'), false)).state.remaining, 8);
    assert.equal(store.debits.get('a')?.length, 2);
  });

  it('are restored all, not only the last of a budget', async () => {
    const { budgets, store } = await lost('a');
    await budgets.debit(of('a'), false);
    store.debits.clear();
    assert.equal((await budgets.state(of('a'))).remaining, 8);
  });

  it('are restored for as long as they count, by a clock that nobody sets', async () => {
    const { budgets, clock, restored } = await lost('a');
    clock.jump(-365 * 86_400_000);
    clock.pass(WINDOW - 1);
    await budgets.writeBack();
    assert.deepEqual(restored(), ['a']);
  });

  it('are restored no more when they are as old as the window, though the clock was set back', async () => {
    const { budgets, clock, restored } = await lost('a', 'b');
    clock.jump(-365 * 86_400_000);
    clock.pass(WINDOW);
    await budgets.writeBack();
    assert.deepEqual(restored(), []);
  });

  it('of the last window only, if the window was made shorter', async () => {
    const { budgets, store, clock } = await lost('a');
    clock.pass(10_000);
    await budgets.debit({ ...of('a'), window: 5_000 }, false);
    store.debits.clear();
    await budgets.writeBack();
    assert.deepEqual(store.debits.get('a'), [clock.wall()]);
  });

  it('are restored in the other budgets if one count is damaged, which is reported then', async () => {
    const { budgets, store, restored } = await lost('a', 'b', 'c', 'd');
    const used = store.used.bind(store);
    store.used = async (key, ...rest) => {
      if (key === 'b' || key === 'c') throw new RecordError(`damaged: ${key}`);
      return used(key, ...rest);
    };
    await assert.rejects(
      budgets.writeBack(),
      (error) => error instanceof RecordError && error.message === 'damaged: b',
    );
    assert.deepEqual(restored(), ['a', 'd']);
  });

  it('wait for the next time if the store fails again', async () => {
    const { budgets, store, restored } = await lost('a', 'b');
    const asked: string[] = [];
    store.used = async (key) => {
      asked.push(key);
      throw new StoreError('away');
    };
    await assert.rejects(budgets.writeBack(), StoreError);
    assert.deepEqual([asked, restored()], [['a'], []]);
  });

  it('are looked for no more once none of a budget counts any more', async () => {
    const { budgets, store, clock } = await lost('a');
    clock.pass(WINDOW);
    await budgets.writeBack();
    const asked = askedFor(store);
    await budgets.writeBack();
    assert.deepEqual(asked, []);
  });

  it('are looked for in few budgets, though thousands were used in turn', async () => {
    const { budgets, store, clock } = await lost(...Array.from({ length: 999 }, (_, index) => `budget ${index}`));
    clock.pass(WINDOW);
    await budgets.debit(of('newest'), false);
    const asked = askedFor(store);
    await budgets.writeBack();
    assert.deepEqual(asked, ['newest']);
  });

  it('are all remembered, however many budgets there are', async () => {
    const keys = Array.from({ length: 2_500 }, (_, index) => `budget ${index}`);
    const { budgets, restored } = await lost(...keys);
    await budgets.writeBack();
    assert.deepEqual(restored(), keys);
  });
});
