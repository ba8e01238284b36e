import type { RenewalCause, RenewalTrigger } from './status.ts';

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

/** A request for a new token. `by`: as in RenewalCause. `request`: what it is for; undefined: not known. */
export function renewalFor(why: RenewalCause['why'], request: RenewalTrigger | undefined, by?: string): RenewalRequest {
  return { cause: { why, by, ...(request !== undefined && { request }) } };
}
