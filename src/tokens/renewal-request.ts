import type { RenewalCause } from './status.ts';

/** An operator's wishes for a renewal by hand. */
export interface RenewNowOptions {
  /** May spend the logins kept in reserve. */
  readonly useReserve?: boolean;
  /** Log in, whatever a refresh would come to. */
  readonly login?: boolean;
}

/** Why somebody wants a new token, and what it may cost. */
export interface RenewalRequest extends RenewNowOptions {
  readonly cause: RenewalCause;
}

/** Ahead of time, by itself. */
export const EARLY_RENEWAL: RenewalRequest = { cause: { why: 'early', by: undefined } };
