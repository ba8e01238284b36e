import { cannotServe, type AccountStatusName, type CredentialStatus } from '../tokens/status.ts';
import { reloadProblem, type ConfigState } from './config-status.ts';
import type { ProcessState } from './status-document.ts';

/** Something that keeps tokenward from working, for people. */
interface Problem {
  readonly account?: string;
  /** The account's state. */
  readonly state?: AccountStatusName;
  readonly problem: string;
}

/** The response of /readyz. */
export interface Readiness {
  readonly ready: boolean;
  readonly problems: readonly Problem[];
}

/** Further conditions of a request for readiness. */
export interface ReadinessQuery {
  /** Each of these accounts can serve. */
  readonly accounts: readonly string[];
  /** At least this many accounts can serve. */
  readonly minReady: number | undefined;
  /** With an unusable store the process is still ready. */
  readonly storeOptional: boolean;
}

/** Problems of accounts in one response. */
const MAX_PROBLEMS = 50;

/**
 * Whether requests may be sent to this process, and what is wrong. Readiness is about the process: it is not stopping,
 * and its store can be read and written. Accounts in trouble are listed but do not count, unless the query names them:
 * all replicas share the credentials, so one wrong password would take all of them, and every other account, out of
 * service.
 */
export function readinessOf(
  { store, accounts, accountCount, stopping }: ProcessState,
  query: ReadinessQuery,
  config?: ConfigState,
): Readiness {
  const troubled = accounts.filter(({ state }) => cannotServe(state) || state === 'degraded');
  const problems: Problem[] = troubled
    .slice(0, MAX_PROBLEMS)
    .map(({ account, state, problem }) => ({ account, state, problem: problem ?? 'no reason is known' }));
  if (troubled.length > MAX_PROBLEMS) {
    problems.push({ problem: `${troubled.length - MAX_PROBLEMS} more accounts are in trouble` });
  }
  let ready = !stopping;
  if (stopping) problems.push({ problem: 'shutting down' });
  const ofReload = config && reloadProblem(config);
  // The configuration before it serves on.
  if (ofReload !== undefined) problems.push(ofReload);
  if (!store.usable) {
    problems.push({
      problem:
        `the token store cannot be used (${store.error ?? 'no reason is known'}): ` +
        'tokens in memory are still used, none is renewed',
    });
    ready &&= query.storeOptional;
  }
  const failing = new Set(accounts.filter(({ state }) => cannotServe(state)).map(({ account }) => account));
  if (query.accounts.some((account) => failing.has(account))) ready = false;
  const readyCount = accountCount.known - failing.size;
  if (query.minReady !== undefined && readyCount < query.minReady) {
    problems.push({
      problem: `${readyCount} of ${accountCount.known} accounts can serve, ${query.minReady} are required`,
    });
    ready = false;
  }
  return { ready, problems };
}

/** The shown accounts, with the requested ones that are not among them. */
export function withRequested(
  shown: readonly CredentialStatus[],
  requested: readonly (CredentialStatus | undefined)[],
): readonly CredentialStatus[] {
  const names = new Set(shown.map(({ account }) => account));
  return [...shown, ...requested.filter((status) => status !== undefined).filter(({ account }) => !names.has(account))];
}
