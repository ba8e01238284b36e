import type { Credential, Outcome } from './credential.ts';
import type { RenewalKind, SpendNote } from './record-marks.ts';
import type { CredentialRecord } from './records.ts';
import type { Token } from './token.ts';

/*
 * What may be tried after a failure, and when. Wall-clock times in ms; a stored wait longer than the longest one used
 * here means that the clock was set back since, and counts as none.
 */

/**
 * After a call that failed or brought no token: 2 s, doubled, and up to a quarter more so that replicas do not retry in
 * step. ms.
 */
const FIRST_BACKOFF_MS = 2_000;
/**
 * Requests fail meanwhile, so it is short: an endpoint that recovers is noticed within it. A login waits longer: some
 * vendors lock out clients that log in often. ms.
 */
const MAX_BACKOFF_MS = { refresh: 15_000, login: 30_000 };
/** For calls that a budget counts, and for early renewals. ms. */
const MAX_LONG_BACKOFF_MS = 300_000;
/** Nothing was sent, so trying again soon spends nothing. ms. */
const UNSENT_BACKOFF_MS = 1_000;
/** The longest Retry-After that is followed; a longer stored wait can only come of a clock that was set back. ms. */
const MAX_RETRY_AFTER_MS = 600_000;
/**
 * Pause before the one quick repeat for which requests wait: the first call may have met a restart or one odd response.
 * ms.
 */
const QUICK_RETRY_MS = 300;
/** The longest Retry-After that is waited for before that repeat. ms. */
const MAX_QUICK_RETRY_MS = 2_000;
/**
 * Logins whose result is unknown (the process was killed in between): the first repeat is at once, then after 1 min,
 * doubled. ms.
 */
const LOST_LOGIN_PAUSE_MS = 60_000;
/** Credentials that worked so recently are not given up at their first refusal. ms. */
const RECENT_LOGIN_MS = 3_600_000;
/** Pause before the login that confirms such a refusal. ms. */
export const DOUBT_PAUSE_MS = 180_000;
/** After so many failed refreshes in a row, though the endpoint responded, a login is made. */
const MAX_FAILED_REFRESHES = 3;
/** Least interval between logins made instead of a failing refresh: the endpoint as a whole may be failing. ms. */
const GIVE_UP_PAUSE_MS = 300_000;

/**
 * Whether the refresh token may be sent: there is one, it has not expired, and it is not one that may have been spent
 * already.
 */
export function maySpendRefresh(credential: Credential, record: CredentialRecord, token: Token, now: number): boolean {
  if (!credential.canRefresh || !token.hasRefresh) return false;
  if (token.refreshExpiresAt !== undefined && now >= token.refreshExpiresAt) return false;
  const { intent } = record;
  if (intent?.kind !== 'refresh') return true;
  // It may be spent. Without a login, one more try of the current token can lose nothing.
  if (!credential.canLogin) return intent.attempt < 2;
  // Otherwise it is repeated once, and only within the endpoint's rotation grace.
  const age = now - intent.startedAt;
  const { rotationGrace } = credential;
  return intent.attempt < 2 && age >= 0 && age < rotationGrace - onItsWay(rotationGrace);
}

/**
 * How long a repeat may be on its way: the endpoint counts from the arrival of the first call to that of the repeat. A
 * second, or less of a short grace. ms.
 */
function onItsWay(rotationGrace: number): number {
  return Math.min(1_000, rotationGrace / 10);
}

/** The outcome of a call that brought neither a token nor a refusal. */
export type InconclusiveOutcome = Exclude<Outcome, { kind: 'granted' | 'refused' | 'impossible' }>;

/**
 * ms after which the same call is repeated while requests wait; undefined: not at all. `failures`: in a row before this
 * one; otherwise every flight would double its calls in an outage.
 */
export function quickRetryPause(outcome: InconclusiveOutcome, failures: number): number | undefined {
  if (failures > 0) return undefined;
  // It took its whole time; the requests have waited long enough.
  if (outcome.reason === 'timeout') return undefined;
  const requested = outcome.retryAfter === undefined ? 0 : outcome.retryAfter * 1000;
  return requested <= MAX_QUICK_RETRY_MS ? Math.max(QUICK_RETRY_MS, requested) : undefined;
}

/**
 * How long no call is made after so many failures in a row, ms. The endpoint's Retry-After is followed, longer or
 * shorter. `next`: what the next try will be; a budgeted one takes one from a budget.
 */
export function backoff(
  outcome: InconclusiveOutcome,
  failures: number,
  next: RenewalKind | 'budgeted',
  random: number,
): number {
  // Without jitter: only one process has the lease, so `Retry-After: 1` can be followed exactly.
  if (outcome.kind === 'failed' && outcome.reach === 'unsent') return UNSENT_BACKOFF_MS;
  if (outcome.retryAfter !== undefined)
    return Math.min(MAX_RETRY_AFTER_MS, Math.max(UNSENT_BACKOFF_MS, outcome.retryAfter * 1000));
  return (
    Math.min(
      next === 'budgeted' ? MAX_LONG_BACKOFF_MS : MAX_BACKOFF_MS[next],
      FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20),
    ) *
    (1 + random / 4)
  );
}

/** ms until the next early renewal after so many failures in a row: the token in use is still usable. */
export function earlyRenewalPause(failures: number): number {
  return Math.min(MAX_LONG_BACKOFF_MS, 30_000 * 2 ** Math.min(Math.max(0, failures - 1), 20));
}

/** The longest first pause after a failure: a token that expires within it does not last until the next try. ms. */
export const MAX_FIRST_BACKOFF_MS = FIRST_BACKOFF_MS * 1.25;

/** The rest of such a pause; 0 or less if it is over. ms. */
export function backoffLeft(retryAt: number | undefined, now: number): number {
  const wait = (retryAt ?? 0) - now;
  return wait <= MAX_RETRY_AFTER_MS ? wait : 0;
}

/** Whether this refresh token has failed often enough to log in instead, and the last such login is long enough ago. */
export function shouldGiveUpRefresh(
  { refreshFailures, gaveUpAt }: Pick<CredentialRecord, 'refreshFailures' | 'gaveUpAt'>,
  now: number,
): boolean {
  if (refreshFailures < MAX_FAILED_REFRESHES) return false;
  return gaveUpAt === undefined || now < gaveUpAt || now - gaveUpAt >= GIVE_UP_PAUSE_MS;
}

/**
 * Whether a refused login is to be repeated before the account is dead: it worked recently, and this is its first
 * refusal since.
 */
export function isDoubtful(
  { doubt, loggedInAt }: Pick<CredentialRecord, 'doubt' | 'loggedInAt'>,
  credentials: string,
  now: number,
): boolean {
  if (doubt?.credentials === credentials) return now >= doubt.since && now - doubt.since < DOUBT_PAUSE_MS * 0.9;
  return loggedInAt !== undefined && now >= loggedInAt && now - loggedInAt < RECENT_LOGIN_MS;
}

/**
 * How long to wait before one more login, when the last ones were cut off before their result was stored; 0 or less: it
 * may be made. ms.
 */
export function lostLoginWait(intent: SpendNote | undefined, now: number): number {
  if (intent?.kind !== 'login' || intent.attempt < 2) return 0;
  const wait = intent.startedAt + Math.min(MAX_LONG_BACKOFF_MS, LOST_LOGIN_PAUSE_MS * 2 ** (intent.attempt - 2)) - now;
  return wait <= MAX_LONG_BACKOFF_MS ? wait : 0;
}
