import assert from 'node:assert/strict';
import type { ProcessState } from '../../src/operator/status-document.ts';
import { cannotServe, type AccountStatusName, type CredentialStatus } from '../../src/tokens/status.ts';
import type { StoreState } from '../../src/tokens/store-health.ts';
import { sumOfStates } from '../../src/workers/sum.ts';

function status(
  state: AccountStatusName,
  generation: number,
  change: Partial<CredentialStatus> = {},
): CredentialStatus {
  return {
    account: 'crm',
    flow: 'chatapp',
    named: true,
    state,
    ready: !cannotServe(state),
    problem: undefined,
    generation,
    obtainedAt: undefined,
    expiresAt: undefined,
    refreshExpiresAt: undefined,
    refusedAt: undefined,
    dead: state === 'dead',
    renewing: false,
    waiting: 0,
    retryAt: undefined,
    budget: undefined,
    ...change,
  };
}

const USABLE: StoreState = { usable: true, since: 5, error: undefined };

function worker(accounts: readonly CredentialStatus[], change: Partial<ProcessState> = {}): ProcessState {
  return {
    stopping: false,
    store: USABLE,
    unknown: [],
    accounts,
    accountCount: { known: 1, inMemory: 1 },
    routes: [],
    callers: [],
    revision: 0,
    refused: [],
    ...change,
  };
}

/** What workers that see these states of one account come to together. */
function together(...seen: CredentialStatus[]): CredentialStatus {
  return sumOfStates(seen.map((one) => worker([one]))).accounts[0]!;
}

describe('an account that several workers know', () => {
  for (const [what, seen, state] of [
    ['is dead if one of two with the same token finds it dead', [status('working', 3), status('dead', 3)], 'dead'],
    [
      'is down if one was refused the token that another still takes for good',
      [status('down', 3), status('working', 3), status('degraded', 3)],
      'down',
    ],
    ['is out of logins before it is down', [status('down', 3), status('out_of_logins', 3)], 'out_of_logins'],
    [
      'is well once one has a newer token, whatever those with the older one see',
      [status('dead', 3), status('down', 3), status('working', 4)],
      'working',
    ],
    [
      'is in trouble although another worker has an older token that worked',
      [status('working', 3), status('down', 4)],
      'down',
    ],
    [
      'is dead although a worker that never used it knows nothing bad',
      [status('unused', 0), status('dead', 0)],
      'dead',
    ],
    [
      'is being renewed although another one has not begun to use it',
      [status('unused', 0), status('renewing', 0)],
      'renewing',
    ],
    ['works although a worker that never used it has no token', [status('unused', 0), status('working', 1)], 'working'],
    ['is unused only while nobody has used it', [status('unused', 0), status('unused', 0)], 'unused'],
  ] as [string, CredentialStatus[], AccountStatusName][]) {
    it(what, () => {
      for (const order of [seen, [...seen].reverse()]) {
        const { state: found, ready } = together(...order);
        assert.deepEqual([found, ready], [state, !cannotServe(state)]);
      }
    });
  }

  it('has the problem of whoever is worst off, the latest refusal and the latest next try', () => {
    const merged = together(
      status('degraded', 3, { problem: 'the refresh failed', retryAt: 900, refusedAt: 100 }),
      status('down', 3, { problem: 'the token was refused', retryAt: 700, refusedAt: 200 }),
    );
    assert.deepEqual([merged.problem, merged.retryAt, merged.refusedAt], ['the token was refused', 900, 200]);
  });

  it('has the smallest budget that one of them knows, with its reserve', () => {
    const budget = { limit: 80, reserveLimit: 20, retryAt: undefined };
    const merged = together(
      status('working', 3, { budget: { ...budget, remaining: 5, reserveRemaining: 20 } }),
      status('working', 3, { budget: { ...budget, remaining: 0, reserveRemaining: 18 } }),
    );
    assert.deepEqual([merged.budget?.remaining, merged.budget?.reserveRemaining], [0, 18]);
  });
});

describe('a store that several workers use', () => {
  it('is usable only if all of them can use it', () => {
    const broken: StoreState = { usable: false, since: 7, error: 'no answer within 500 ms' };
    assert.deepEqual(sumOfStates([worker([]), worker([], { store: broken })]).store, broken);
    assert.deepEqual(sumOfStates([worker([]), worker([])]).store, USABLE);
  });
});

describe('an account that is asked for', () => {
  it('is unknown only if no worker knows it: during a reload some have the new configuration', () => {
    assert.deepEqual(
      sumOfStates([worker([], { unknown: ['new', 'none'] }), worker([], { unknown: ['none'] })]).unknown,
      ['none'],
    );
  });
});
