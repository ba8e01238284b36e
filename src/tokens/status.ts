import type { AccountState } from './account-state.ts';
import type { BudgetState, RenewalsLeft } from './budget.ts';
import type { Clock } from './clock.ts';
import { isUsable } from './lifetime.ts';

/**
 * An account's status, the same name on the page, in /status, the CLI, metrics, alerts and readiness. In order, the
 * first that holds:
 *
 * - `dead`: the token cannot be used and only a person can help (credentials refused, nothing imported).
 * - `out_of_logins`: the token cannot be used and a budget of logins or renewals is used up, until `retryAt`.
 * - `down`: the token cannot be used (rejected by an upstream, or expired) and the last renewal failed; next try at
 *   `retryAt`. Or no request can carry it.
 * - `degraded`: renewal fails, or the token is not stored yet, but the token in use is still accepted.
 * - `renewing`: there is no usable token and one is being obtained; requests wait.
 * - `unused`: no token yet; the first request gets one.
 * - `working`: there is a usable token.
 */
export type AccountStatusName = 'working' | 'unused' | 'renewing' | 'degraded' | 'down' | 'out_of_logins' | 'dead';

/** From worst to best: of several processes that know one account, the worst at the newest generation counts. */
export const ACCOUNT_STATUS_NAMES: readonly AccountStatusName[] = [
  'dead',
  'out_of_logins',
  'down',
  'degraded',
  'renewing',
  'unused',
  'working',
];

/** Requests of an account in one of these states fail. */
export function cannotServe(status: AccountStatusName): boolean {
  return status === 'dead' || status === 'out_of_logins' || status === 'down';
}

/** The request that a renewal was begun for. */
export interface RenewalTrigger {
  readonly id: string;
  readonly traceId: string | undefined;
  /** Its span, if tracing is configured. */
  readonly span?: { readonly traceId: string; readonly spanId: string; readonly sampled: boolean } | undefined;
}

/**
 * Why a renewal was begun. `by`: what rejected the token or requested the renewal, in words for a person. `request`:
 * the first of those that wait for it.
 */
export interface RenewalCause {
  readonly why: 'first' | 'refused' | 'expired' | 'early' | 'operator';
  readonly by: string | undefined;
  readonly request?: RenewalTrigger;
}

/** One account's state for people, without secrets. Times are wall-clock ms. */
export interface CredentialStatus {
  readonly account: string;
  readonly flow: string;
  /** The account is declared in the configuration or its directory; others come from a generated file. */
  readonly named: boolean;
  readonly state: AccountStatusName;
  /** The account can serve requests: not `dead`, `out_of_logins` or `down`. */
  readonly ready: boolean;
  /** What is wrong, in a sentence for the person on call: why requests fail, or why the last renewal did. */
  readonly problem: string | undefined;
  readonly generation: number;
  readonly obtainedAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly refreshExpiresAt: number | undefined;
  /** When an upstream last rejected the current token, if none has accepted it since. */
  readonly refusedAt: number | undefined;
  /** The credentials were refused, or there are none: a person must act, even while the token in use still works. */
  readonly dead: boolean;
  readonly renewing: boolean;
  readonly waiting: number;
  /** No renewal is tried before this time. */
  readonly retryAt: number | undefined;
  readonly budget: BudgetState | undefined;
  /** What is left of the renewal budgets, shortest window first. Absent: there is none. */
  readonly renewalsLeft?: readonly RenewalsLeft[] | undefined;
  /** The token is fixed: nothing renews it. Absent: it is not. */
  readonly fixed?: boolean;
  /** The budget that did not grant the last renewal. */
  readonly exhausted?: 'logins' | 'renewals' | undefined;
}

/**
 * A token that was accepted so recently does not count as rejected because of one request: some are refused whatever
 * the token. ms.
 */
const ACCEPTED_RECENTLY_MS = 30_000;

interface Assessment {
  readonly status: AccountStatusName;
  readonly problem: string | undefined;
}

/** Computes the status and its reason. `storeUsable`: nothing can be renewed otherwise. */
function assess(state: AccountState, storeUsable: boolean, clock: Clock): Assessment {
  const { token, credential, refusedAt } = state;
  const rejected = refusedAt !== undefined && clock.monotonic() - state.acceptedAt > ACCEPTED_RECENTLY_MS;
  // First what could lose the only copy of a token.
  const pendingProblem = state.pendingWrite === undefined ? undefined : 'the new token could not be stored yet';
  const trouble = pendingProblem ?? state.recordProblem ?? state.dead ?? state.problem;
  if (state.unsendable !== undefined)
    return { status: 'down', problem: `no request can carry its token: ${state.unsendable}` };
  if (token !== undefined && !rejected && isUsable(token, clock)) {
    return { status: trouble === undefined ? 'working' : 'degraded', problem: trouble };
  }
  if (credential.staticToken !== undefined) {
    return { status: 'down', problem: 'the upstream rejects the fixed token; correct it in the configuration' };
  }
  if (state.recordProblem !== undefined || state.dead !== undefined) return { status: 'dead', problem: trouble };
  if (state.exhausted !== undefined) return { status: 'out_of_logins', problem: trouble };
  if (trouble !== undefined) return { status: 'down', problem: trouble };
  if (!storeUsable) return { status: 'down', problem: 'the token store cannot be used, so no token can be obtained' };
  if (state.flight.busy) return { status: 'renewing', problem: undefined };
  if (rejected) return { status: 'down', problem: 'the upstream rejects the newest token; a renewal did not help' };
  return { status: token === undefined || token.generation === 0 ? 'unused' : 'working', problem: undefined };
}

/** The account's status for people. */
export function describe(state: AccountState, named: boolean, storeUsable: boolean, clock: Clock): CredentialStatus {
  const { token, credential } = state;
  const { status, problem } = assess(state, storeUsable, clock);
  return {
    account: credential.account,
    flow: credential.flow,
    named,
    state: status,
    ready: !cannotServe(status),
    problem,
    generation: token?.generation ?? 0,
    obtainedAt: token?.obtainedAt,
    expiresAt: token?.expiresAt,
    refreshExpiresAt: token?.refreshExpiresAt,
    refusedAt: state.refusedAt,
    dead: state.dead !== undefined || state.recordProblem !== undefined,
    renewing: state.flight.busy,
    waiting: state.waiting,
    retryAt: state.retryAt,
    budget: state.budget,
    ...(state.renewalsLeft.length > 0 && { renewalsLeft: state.renewalsLeft }),
    ...(credential.staticToken !== undefined && { fixed: true }),
    ...(state.exhausted !== undefined && { exhausted: state.exhausted }),
  };
}
