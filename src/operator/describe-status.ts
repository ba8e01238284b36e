import { ACCOUNT_STATUS_NAMES, type AccountStatusName, type CredentialStatus } from '../tokens/status.ts';
import { VERSION } from '../version.ts';
import { incidentsOf } from './incidents.ts';
import { describeMinute } from './minutes.ts';
import type { ProcessState, StateCounts, StatusDocument, WorkerStatus } from './status-document.ts';
import { verdictOf } from './verdict.ts';

/** What the document holds besides the state. */
export interface StatusParts {
  /** Wall clock, ms. */
  readonly now: number;
  readonly workers?: readonly WorkerStatus[];
  /** Workers that are not there: problems of their own. */
  readonly missing?: readonly number[];
  /** Counted over all accounts, where the state does not have all of them. */
  readonly states?: StateCounts | undefined;
  readonly canDrain: boolean;
}

/** The document of a state. */
export function statusOf(
  state: ProcessState,
  { now, workers, missing, states, canDrain }: StatusParts,
): StatusDocument {
  const { stopping, store, accounts, accountCount, routes, callers, config, refused } = state;
  const counts = countStates(accounts, accountCount.known, states);
  const incidents = incidentsOf({ state, states: counts, now, workers: workers ?? [], missing: missing ?? [] });
  return {
    version: VERSION,
    node: process.version,
    now,
    stopping,
    verdict: verdictOf({ stopping, incidents, states: counts, known: accountCount.known }),
    incidents,
    store,
    ...(workers && { workers }),
    accounts,
    accountCount,
    states: counts,
    routes: routes.map(({ minutes, flow: _flow, callers: _callers, ...route }) => ({
      ...route,
      minutes: minutes.map(describeMinute),
    })),
    callers,
    actions: ['renew', ...(canDrain ? (['drain'] as const) : []), ...(config ? (['reload'] as const) : [])],
    ...(config && { config }),
    refused,
  };
}

/** Whether a state has all accounts, so that they need not be counted elsewhere. */
export function hasAll({ accounts, accountCount }: Pick<ProcessState, 'accounts' | 'accountCount'>): boolean {
  return accounts.length >= accountCount.known;
}

/** `all` may be a second old, and the accounts in a state now are not fewer than those that are shown in it. */
function countStates(accounts: readonly CredentialStatus[], known: number, all?: StateCounts): StateCounts {
  const counts = noStates();
  for (const { state } of accounts) counts[state] += 1;
  if (all === undefined) counts.unused += Math.max(0, known - accounts.length);
  else for (const name of ACCOUNT_STATUS_NAMES) counts[name] = Math.max(counts[name], all[name]);
  return counts;
}

/** All states, none of them counted yet. */
export function noStates(): Record<AccountStatusName, number> {
  return Object.fromEntries(ACCOUNT_STATUS_NAMES.map((name) => [name, 0])) as Record<AccountStatusName, number>;
}
