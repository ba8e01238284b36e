import type { BudgetLimits } from '../../src/tokens/budget.ts';
import type { Token } from '../../src/tokens/token.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

export interface AccountOptions {
  readonly endpoint: EndpointOptions;
  readonly renew: 'early' | 'on-demand';
  readonly budget: BudgetLimits | undefined;
  readonly renewalBudget: BudgetLimits | undefined;
}

/** Logins that the vendor grants in a day where it counts them, and how many of those only an operator spends. */
export const LOGINS_A_DAY = 6;
export const RESERVE = 2;
export const DAY_MS = 86_400_000;
/** Renewals, by login or refresh, that a vendor grants in so long where it counts them. */
export const RENEWALS = 4;
export const RENEWALS_IN_MS = 600_000;

/** One account: its endpoint, and what the rules remember of it. */
export class Account {
  readonly name: string;
  readonly options: AccountOptions;
  readonly endpoint: Endpoint;
  readonly identity: string;
  /** Its name in messages. */
  readonly title: string;
  credentials = 'first';
  /** Logins that something has made necessary or excusable; each login that arrives at the endpoint spends one. */
  logins = 0;
  /** Calls to the token endpoint, of either kind, that something has made necessary or excusable. */
  calls = 0;
  /** True times at which logins were begun that the endpoint may have seen. */
  readonly attempts: number[] = [];
  /** True time of the last fault that concerns this account alone. */
  faultAt = -Infinity;
  /** Refreshes that failed in a row though the endpoint answered. */
  refreshFailures = 0;
  /** Tokens that clients have had, newest last. */
  readonly held: Token[] = [];
  /** Store or process lost what they knew of this account's tokens: a refresh token may be spent twice. */
  forgotten = false;
  /** The stored record was made unreadable. */
  damaged = false;
  /** Redis's clock was set back while this process held the lease, which ends that much later now. */
  lateLease: string | undefined = undefined;
  /** True time at which such a lease had ended. */
  lateLeaseUntil = -Infinity;
  /** Its record is being removed, and its lease with it. */
  leaseMayGo = false;
  /** Processes that may have lost its lease without knowing it, in a renewal that is under way. */
  readonly doubted = new Set<object>();
  /** When the store forgot how many logins had been made, and how many they were. */
  readonly forgottenLogins: { readonly at: number; readonly count: number }[] = [];
  /** True times at which calls of either kind were begun that the endpoint may have seen. */
  readonly renewals: number[] = [];
  /** As for logins: when the store forgot how many calls had been made, and how many they were. */
  readonly forgottenRenewals: { readonly at: number; readonly count: number }[] = [];
  /** True times at which calls ended that may have reached the endpoint and brought no token. */
  readonly failures: number[] = [];
  /** True time at which a refresh ended of which the process knows that its token is not spent. */
  unspentAt = -Infinity;
  /** The same as `failures` for calls of which nothing was sent. */
  readonly unsent: number[] = [];
  /** How often the vendor has revoked a token of it. */
  revocations = 0;
  /** Processes that may have written a spend note without learning of it, and have made no call since. */
  readonly lostNotes = new Set<object>();
  /** Its last login was refused: an operator must act. */
  refused = false;
  /** An operator has imported a token. */
  imported = false;
  /** The store has lost its record once, so that generations began anew. */
  emptied = false;
  /** What operators have asked for. */
  operations = 0;
  /** An operator has renewed, so that the reserve may be spent and pauses are skipped. */
  operatorAt = -Infinity;

  constructor(name: string, scheduler: Scheduler, random: Random, options: AccountOptions, user = 'identity') {
    this.name = name;
    this.identity = `${user} of ${name}`;
    this.title = user === 'identity' ? name : `${name} of the other deployment`;
    this.options = options;
    this.endpoint = new Endpoint(scheduler, random, options.endpoint);
  }

  /** A fault of this account's own. */
  fault(now: number): void {
    this.faultAt = Math.max(this.faultAt, now);
  }

  /** A login has become necessary, or excusable. */
  allowLogin(): void {
    this.logins += 1;
    this.calls += 1;
  }

  /** A call has become necessary, or excusable; that is no reason for a login. */
  allowCall(): void {
    this.calls += 1;
  }

  /** A call may have been counted in the budgets without having been made. */
  mayHaveCounted(now: number): void {
    this.attempts.push(now);
    this.renewals.push(now);
  }

  /** Logins that the store has forgotten and that are still within the day. */
  forgottenSince(since: number): number {
    return this.forgottenLogins.filter(({ at }) => at > since).reduce((sum, { count }) => sum + count, 0);
  }

  /** Calls that the store has forgotten and that are still within the window. */
  forgottenRenewalsSince(since: number): number {
    return this.forgottenRenewals.filter(({ at }) => at > since).reduce((sum, { count }) => sum + count, 0);
  }
}
