import assert from 'node:assert/strict';
import { LoginBudgets, type BudgetLimits } from '../../src/tokens/budget.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { failed, fakeCredential, refused } from '../support/credential.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const limits: BudgetLimits = { key: 'logins', logins: 3, window: 60_000, reserve: 0 };

/** One login counted in a budget of three, and one in another budget. */
async function counted() {
  const [store, clock] = [new MemoryStore(), new FakeClock()];
  const budgets = new LoginBudgets(store, clock);
  const { at } = await budgets.debit(limits, false);
  await budgets.debit({ ...limits, key: 'others' }, false);
  return { store, clock, budgets, at, logins: () => store.debits.get('logins')?.length };
}

describe('a login that is taken back, because nothing of it was sent', () => {
  it('is gone from the store at once, and not restored', async () => {
    const { budgets, at, logins, store } = await counted();
    assert.equal((await budgets.takeBack(limits, at)).remaining, 3);
    assert.equal((await budgets.state(limits)).remaining, 3);
    assert.deepEqual([logins(), store.debits.get('others')?.length], [0, 1]);
  });

  it('is gone from the store as soon as the store can be written', async () => {
    const { budgets, at, logins, store } = await counted();
    store.failing.add('takeBack');
    await assert.rejects(budgets.takeBack(limits, at), StoreError);
    await assert.rejects(budgets.state(limits), StoreError, 'it is not forgotten after a second failure');
    assert.equal(logins(), 1);
    store.failing.clear();
    assert.equal((await budgets.debit(limits, false)).state.remaining, 2);
    assert.equal(logins(), 1);
  });

  it('is removed once, however many look at the count meanwhile: another login of the same time stays', async () => {
    const { budgets, at, store } = await counted();
    const takenBack: number[] = [];
    const takeBack = store.takeBack.bind(store);
    store.takeBack = async (key, login) => {
      takenBack.push(login);
      await Promise.resolve();
      return takeBack(key, login);
    };
    await Promise.all([budgets.takeBack(limits, at), budgets.state(limits), budgets.state(limits)]);
    await budgets.state(limits);
    assert.deepEqual(takenBack, [at]);
  });

  it('does not take a second one with it', async () => {
    const { budgets, at, logins } = await counted();
    await budgets.debit(limits, false);
    assert.equal((await budgets.takeBack(limits, at)).remaining, 2);
    assert.equal(logins(), 1);
  });

  it('is not forgotten, however many budgets are counted before the store can be written', async () => {
    const { budgets, at, logins, store } = await counted();
    store.failing.add('takeBack');
    await assert.rejects(budgets.takeBack(limits, at), StoreError);
    for (let index = 0; index < 1_000; index += 1) await budgets.debit({ ...limits, key: `budget ${index}` }, false);
    store.failing.clear();
    assert.equal((await budgets.state(limits)).remaining, 3);
    assert.equal(logins(), 0);
  });

  it('is known to the process for as long as it would count', async () => {
    const { budgets, at, store, clock } = await counted();
    store.failing.add('takeBack');
    await assert.rejects(budgets.takeBack(limits, at), StoreError);
    clock.pass(59_999);
    store.failing.clear();
    assert.equal((await budgets.state(limits)).remaining, 3);
  });
});

describe('a login', () => {
  const OUTCOMES: [string, Outcome, number][] = [
    ['of which nothing was sent does not count', failed({ reason: 'connect' }), 0],
    ['that cannot be built from the configuration does not count', { kind: 'impossible', reason: 'no user' }, 0],
    ['that was answered counts', failed({ retryAfter: 60 }), 1],
    ['that may have arrived counts', failed({ reason: 'timeout', maybeSpent: true }), 1],
    ['that an endpoint was too busy for counts', { kind: 'busy', reason: 'busy', retryAfter: 60 }, 1],
    ['that was refused counts', refused, 1],
  ];
  for (const [name, outcome, logins] of OUTCOMES)
    it(name, async () => {
      const credential = fakeCredential({ canRefresh: false, budget: limits }, outcome, outcome);
      const { manager, store, error } = await inVirtualTime(credential);
      await error(() => manager.get('crm'));
      assert.equal(store.debits.get('logins')?.length, logins);
      assert.equal(manager.status()[0]?.budget?.remaining, 3 - logins);
    });

  it('of an account without a budget needs none taken back', async () => {
    const unsent = failed({ reason: 'connect' });
    const { manager, error, observed } = await inVirtualTime(fakeCredential({ canRefresh: false }, unsent, unsent));
    assert.equal((await error(() => manager.get('crm'))).code, 'token_unavailable');
    assert.deepEqual(observed.storeFailed, []);
  });

  it('that is not made, as another process has written the record since, does not count', async () => {
    const credential = fakeCredential({ canRefresh: false, budget: limits });
    const { manager, store, bring, token } = await inVirtualTime(credential);
    store.beforeReplace = async () => {
      store.beforeReplace = undefined;
      store.leases.clear();
      await bring('theirs', 'their refresh token');
    };
    assert.equal((await token(() => manager.get('crm'))).reveal(), 'theirs');
    assert.deepEqual([store.debits.get('logins')?.length, credential.calls], [0, []]);
    assert.equal(manager.status()[0]?.budget?.remaining, 3);
  });

  it('whose note could not be written counts: the store may have written it all the same', async () => {
    const credential = fakeCredential({ canRefresh: false, budget: limits });
    const { manager, store, error } = await inVirtualTime(credential);
    store.failing.add('replace');
    assert.equal((await error(() => manager.get('crm'))).code, 'store_unavailable');
    assert.deepEqual([store.debits.get('logins')?.length, credential.calls], [1, []]);
  });
});

describe('a login that was not sent, while the store cannot take it back', () => {
  it('fails the request for that login, reports the store, and costs the budget nothing in the end', async () => {
    const unsent = failed({ reason: 'connect' });
    const credential = fakeCredential({ canRefresh: false, budget: { ...limits, window: 86_400_000 } }, unsent, unsent);
    const { manager, store, error, token, observed, time } = await inVirtualTime(credential);
    store.failing.add('takeBack');
    // Without the debit of the repeat no second call is made.
    assert.equal((await error(() => manager.get('crm'))).code, 'store_unavailable');
    assert.deepEqual(observed.storeFailed, ['debit', 'debit']);
    store.failing.clear();
    await time.advance(3_000);
    await token(() => manager.get('crm'));
    assert.equal(store.debits.get('logins')?.length, 1);
    assert.equal(manager.status()[0]?.budget?.remaining, 2);
  });
});
