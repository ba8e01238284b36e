/* What a record notes of calls that were made or are about to be made. */

/** The two ways to renew a token. */
export type RenewalKind = 'login' | 'refresh';

/**
 * Written durably before a refresh token or a password is sent: if the result is missing later, the token may be spent.
 */
export interface SpendNote {
  readonly kind: RenewalKind;
  /** Wall clock, ms. */
  readonly startedAt: number;
  /** How often in a row a note of this kind got no result. */
  readonly attempt: number;
  /** Random, so that the process that wrote this can recognise it, and withdraw it if nothing was sent. */
  readonly id?: string | undefined;
}

/**
 * Why tokenward does not log in again by itself. `credentials`: the fingerprint of the refused ones; changed ones are
 * tried.
 */
export interface DeadMark {
  readonly reason: string;
  readonly since: number;
  readonly credentials: string;
}

/** A login that worked recently was refused once. `since`: wall-clock ms of that refusal. */
export interface Doubt {
  readonly since: number;
  readonly credentials: string;
}
