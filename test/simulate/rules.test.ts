import assert from 'node:assert/strict';
import { AccountRecords } from '../../src/tokens/account-records.ts';
import { LoginBudgets } from '../../src/tokens/budget.ts';
import { Leases } from '../../src/tokens/lease.ts';
import { historyOf, play } from './simulate.ts';

/** The first broken rule within so many histories. */
async function firstViolation(histories: number): Promise<string | undefined> {
  for (let seed = 1; seed <= histories; seed += 1) {
    const { violation } = await play(historyOf(seed));
    if (violation !== undefined) return violation;
  }
  return undefined;
}

/** Runs with a method of the renewal code replaced by one that is wrong. */
async function withFault<T extends object, K extends keyof T>(
  prototype: T,
  method: K,
  wrong: T[K],
  run: () => Promise<void>,
): Promise<void> {
  const right = prototype[method];
  prototype[method] = wrong;
  try {
    await run();
  } finally {
    prototype[method] = right;
  }
}

describe('the simulation', function () {
  this.timeout(120_000);
  let { stackTraceLimit } = Error;
  before(() => {
    ({ stackTraceLimit } = Error);
    Error.stackTraceLimit = 0;
  });
  after(() => (Error.stackTraceLimit = stackTraceLimit));

  it('plays one seed as one history, twice alike', async () => {
    for (const seed of [1, 2, 3]) {
      const [first, second] = [await play(historyOf(seed)), await play(historyOf(seed))];
      assert.deepEqual(first, second);
      assert.ok(first.steps > 20);
    }
  });

  it('breaks no rule in the first hundred seeds, and serves most requests in spite of all faults', async () => {
    let [requests, served] = [0, 0];
    for (let seed = 1; seed <= 100; seed += 1) {
      const result = await play(historyOf(seed));
      assert.equal(result.violation, undefined, `seed ${seed}`);
      requests += result.requests;
      served += result.served;
    }
    assert.ok(served / requests > 0.7, `${served} of ${requests}`);
  });

  it('finds out when no lease is asked for', async () => {
    const noLease: Leases['take'] = async (state) => {
      state.setLeasedAt({ wall: Infinity, monotonic: Infinity });
      return true;
    };
    await withFault(Leases.prototype, 'take', noLease, async () => {
      assert.ok((await firstViolation(200)) !== undefined);
    });
  });

  it('finds out when a token that another process has stored is not taken', async () => {
    await withFault(
      AccountRecords.prototype,
      'isNewer',
      () => false,
      async () => assert.match((await firstViolation(200))!, /logins, of which|failed though all was well/),
    );
  });

  it('finds out when a budget of renewals that is used up grants one more', async () => {
    const { debit } = LoginBudgets.prototype;
    const generous: LoginBudgets['debit'] = async function (this: LoginBudgets, limits, useReserve, leave) {
      const result = await debit.call(this, limits, useReserve, leave);
      return limits.key.startsWith('renewals-') ? { ...result, granted: true } : result;
    };
    await withFault(LoginBudgets.prototype, 'debit', generous, async () => {
      assert.match((await firstViolation(300)) ?? '', /calls in 10 minutes/);
    });
  });
});
