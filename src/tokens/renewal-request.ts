import type { RenewalCause } from './status.ts';

/** Options of a renewal by hand. */
export interface RenewNowOptions {
  /** May spend the logins kept in reserve. */
  readonly useReserve?: boolean;
  /** Log in, even if there is a refresh token. */
  readonly login?: boolean;
}

/** Why a new token is requested, and what it may cost. */
export interface RenewalRequest extends RenewNowOptions {
  readonly cause: RenewalCause;
}

/** In the early window, without a request that needs it. */
export const EARLY_RENEWAL: RenewalRequest = { cause: { why: 'early', by: undefined } };
