import type { Credential } from './credential.ts';
import type { CredentialRecord, SpendIntent } from './records.ts';
import type { Token } from './token.ts';

/*
 * What may be tried, and when, after something went wrong. Wall-clock times in ms; a wait longer than any we ask for
 * means that the clock was set back since, and counts as none.
 */

/** Failed renewals: 2 s, doubled up to 5 min, and up to a quarter more so that replicas do not march in step. ms. */
const BACKOFF_FIRST = 2_000;
const BACKOFF_MOST = 300_000;
/** Logins whose result was never seen (killed in between): the first repeat is at once, then 1 min, doubled. ms. */
const LOST_LOGIN_PAUSE = 60_000;

/** Whether the refresh token may be sent: there is one, it is in time, and it is not one that may have been spent already. */
export function maySpendRefresh(credential: Credential, record: CredentialRecord, token: Token, now: number): boolean {
  if (!credential.canRefresh || !token.hasRefresh) return false;
  if (token.refreshExpiresAt !== undefined && now >= token.refreshExpiresAt) return false;
  const { intent } = record;
  if (intent?.kind !== 'refresh') return true;
  // Maybe spent. Only an endpoint that says it forgives a repeat gets one, once, and in time.
  const age = now - intent.startedAt;
  return intent.attempt < 2 && age >= 0 && age < credential.rotationGrace;
}

/** How long nobody calls after so many failures in a row; `asked`: what the endpoint wanted, in seconds. ms. */
export function backoff(failures: number, asked: number | undefined, random: number): number {
  const own = Math.min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** Math.min(failures - 1, 20)) * (1 + random / 4);
  return Math.max(own, Math.min(BACKOFF_MOST, (asked ?? 0) * 1000));
}

/** What is left of such a pause, 0 if nothing. ms. */
export function backoffLeft(retryAt: number | undefined, now: number): number {
  const wait = (retryAt ?? 0) - now;
  return wait > 0 && wait <= 2 * BACKOFF_MOST ? wait : 0;
}

/** How long to wait before one more login, when the last ones were cut off before their answer was stored. ms. */
export function lostLoginWait(intent: SpendIntent | undefined, now: number): number {
  if (intent?.kind !== 'login' || intent.attempt < 2) return 0;
  const wait = intent.startedAt + Math.min(BACKOFF_MOST, LOST_LOGIN_PAUSE * 2 ** (intent.attempt - 2)) - now;
  return wait > 0 && wait <= BACKOFF_MOST ? wait : 0;
}
