/* What a record notes of calls that were made, or are about to be. */

/** The two ways to a new token. */
export type RenewalKind = 'login' | 'refresh';

/**
 * Written durably before a refresh token or a password leaves: if its result is missing later, the token may be spent.
 */
export interface SpendNote {
  readonly kind: RenewalKind;
  /** Wall clock, ms. */
  readonly startedAt: number;
  /** How often in a row an intent of this kind got no result. */
  readonly attempt: number;
  /** Random; by it the process that wrote this knows it again, and may take it back if nothing was sent. */
  readonly id?: string | undefined;
}

/**
 * Why tokenward will not log in again by itself. `credentials` is the fingerprint of what was refused: other ones get a
 * new chance.
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
