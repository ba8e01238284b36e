import type { Credential, Outcome } from './credential.ts';
import type { RenewalKind, SpendNote } from './record-marks.ts';
import type { CredentialRecord } from './records.ts';
import type { Token } from './token.ts';

/*
 * What may be tried, and when, after something went wrong. Wall-clock times in ms; a wait longer than any we ask for
 * means that the clock was set back since, and counts as none.
 */

/**
 * A call that did not come through or brought no token: 2 s, doubled, and up to a quarter more so that replicas do not
 * march in step. ms.
 */
const FIRST_BACKOFF_MS = 2_000;
/**
 * Callers are refused meanwhile, so it is not long: an endpoint that is well again is noticed within it. A login is the
 * heavier call: some vendors lock out whoever makes many. ms.
 */
const MAX_BACKOFF_MS = { refresh: 15_000, login: 30_000 };
/** Calls that cost a login of a budget, and renewals ahead of time, may wait longer. ms. */
const MAX_LONG_BACKOFF_MS = 300_000;
/** Nothing was sent, so nothing is spent by looking again soon. ms. */
const UNSENT_BACKOFF_MS = 1_000;
/**
 * The longest that an endpoint's own wish to be left alone is followed; a longer wait can only come of a clock that was
 * set back. ms.
 */
const MAX_RETRY_AFTER_MS = 600_000;
/**
 * Before the one quick second try, for which callers are kept waiting: the first may have met a restart or one odd
 * answer. ms.
 */
const QUICK_RETRY_MS = 300;
/** The longest wish of an endpoint that is waited out before that second try. ms. */
const MAX_QUICK_RETRY_MS = 2_000;
/** Logins whose result was never seen (killed in between): the first repeat is at once, then 1 min, doubled. ms. */
const LOST_LOGIN_PAUSE_MS = 60_000;
/** A login that worked so recently is not believed to be wrong for good at its first refusal. ms. */
const RECENT_LOGIN_MS = 3_600_000;
/** The second look comes so much later. ms. */
export const DOUBT_PAUSE_MS = 180_000;
/** A refresh that failed so often in a row, though the endpoint answered, is given up for a login. */
const MAX_FAILED_REFRESHES = 3;
/**
 * A login made instead of a failing refresh is not repeated any sooner: the endpoint may be in trouble as a whole. ms.
 */
const GIVE_UP_PAUSE_MS = 300_000;

/**
 * Whether the refresh token may be sent: there is one, it is in time, and it is not one that may have been spent
 * already.
 */
export function maySpendRefresh(credential: Credential, record: CredentialRecord, token: Token, now: number): boolean {
  if (!credential.canRefresh || !token.hasRefresh) return false;
  if (token.refreshExpiresAt !== undefined && now >= token.refreshExpiresAt) return false;
  const { intent } = record;
  if (intent?.kind !== 'refresh') return true;
  // Maybe spent. Where no login is left, one more try of the current token can lose nothing.
  if (!credential.canLogin) return intent.attempt < 2;
  // Otherwise only an endpoint that says it forgives a repeat gets one, once, and in time.
  const age = now - intent.startedAt;
  return intent.attempt < 2 && age >= 0 && age < credential.rotationGrace;
}

/** A call that brought neither a token nor a refusal. */
export type InconclusiveOutcome = Exclude<Outcome, { kind: 'granted' | 'refused' | 'impossible' }>;

/**
 * ms after which the same call is made once more while its callers wait; undefined: not at all. `failures`: in a row
 * before this one; in an outage every flight would double its calls otherwise.
 */
export function quickRetryPause(outcome: InconclusiveOutcome, failures: number): number | undefined {
  if (failures > 0) return undefined;
  // It took its whole time; callers have waited long enough.
  if (outcome.kind === 'failed' && outcome.reason === 'timeout') return undefined;
  const requested = outcome.retryAfter === undefined ? 0 : outcome.retryAfter * 1000;
  return requested <= MAX_QUICK_RETRY_MS ? Math.max(QUICK_RETRY_MS, requested) : undefined;
}

/**
 * How long nobody calls after so many failures in a row, ms. What the endpoint asked for is followed, longer or
 * shorter. `next`: what the next try will be; a budgeted login takes one from a budget.
 */
export function backoff(
  outcome: InconclusiveOutcome,
  failures: number,
  next: RenewalKind | 'budgeted login',
  random: number,
): number {
  // Without jitter: one process at a time has the lease, and `Retry-After: 1` is true then.
  if (outcome.kind === 'failed' && outcome.reach === 'unsent') return UNSENT_BACKOFF_MS;
  if (outcome.retryAfter !== undefined)
    return Math.min(MAX_RETRY_AFTER_MS, Math.max(UNSENT_BACKOFF_MS, outcome.retryAfter * 1000));
  return (
    Math.min(
      next === 'budgeted login' ? MAX_LONG_BACKOFF_MS : MAX_BACKOFF_MS[next],
      FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20),
    ) *
    (1 + random / 4)
  );
}

/** ms between two renewals ahead of time, of which so many have failed in a row: the token in use still serves. */
export function earlyPause(failures: number): number {
  return Math.min(MAX_LONG_BACKOFF_MS, 30_000 * 2 ** Math.min(Math.max(0, failures - 1), 20));
}

/** The longest first pause after a failure: a token that ends within it does not help callers over it. ms. */
export const MAX_FIRST_BACKOFF_MS = FIRST_BACKOFF_MS * 1.25;

/** What is left of such a pause, 0 if nothing. ms. */
export function backoffLeft(retryAt: number | undefined, now: number): number {
  const wait = (retryAt ?? 0) - now;
  return wait > 0 && wait <= MAX_RETRY_AFTER_MS ? wait : 0;
}

/**
 * Whether this refresh token has failed often enough for a login instead, and the last such login is long enough ago.
 */
export function shouldGiveUpRefresh(
  { refreshFailures, gaveUpAt }: Pick<CredentialRecord, 'refreshFailures' | 'gaveUpAt'>,
  now: number,
): boolean {
  if (refreshFailures < MAX_FAILED_REFRESHES) return false;
  return gaveUpAt === undefined || now < gaveUpAt || now - gaveUpAt >= GIVE_UP_PAUSE_MS;
}

/**
 * Whether a refused login deserves a second look before the credential is given up: it worked recently, and this is its
 * first refusal since.
 */
export function isDoubtful(
  { doubt, loggedInAt }: Pick<CredentialRecord, 'doubt' | 'loggedInAt'>,
  credentials: string,
  now: number,
): boolean {
  if (doubt?.credentials === credentials) return now >= doubt.since && now - doubt.since < DOUBT_PAUSE_MS * 0.9;
  return loggedInAt !== undefined && now >= loggedInAt && now - loggedInAt < RECENT_LOGIN_MS;
}

/** How long to wait before one more login, when the last ones were cut off before their answer was stored. ms. */
export function lostLoginWait(intent: SpendNote | undefined, now: number): number {
  if (intent?.kind !== 'login' || intent.attempt < 2) return 0;
  const wait = intent.startedAt + Math.min(MAX_LONG_BACKOFF_MS, LOST_LOGIN_PAUSE_MS * 2 ** (intent.attempt - 2)) - now;
  return wait > 0 && wait <= MAX_LONG_BACKOFF_MS ? wait : 0;
}
