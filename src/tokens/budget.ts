import type { Clock } from './clock.ts';
import { RecordError, type TokenStore } from './store.ts';

/** How many logins or renewals a vendor grants, and how many of the logins are kept for an operator. */
export interface BudgetLimits {
  /** Identifies what the vendor counts by, so that two accounts with one login share one count. */
  readonly key: string;
  /** In a budget of renewals: how many renewals. */
  readonly logins: number;
  /** Rolling window, ms. It is right whatever hour the vendor's day begins. */
  readonly window: number;
  readonly reserve: number;
}

/** The remaining logins, for status and metrics. `retryAt`: wall-clock ms when the next automatic login is possible. */
export interface BudgetState {
  readonly remaining: number;
  readonly limit: number;
  /** Of the logins kept for an operator. */
  readonly reserveRemaining: number;
  readonly reserveLimit: number;
  readonly retryAt: number | undefined;
}

/** The rest of one renewal budget, for status and metrics. */
export interface RenewalsLeft {
  /** The window, s. */
  readonly per: number;
  readonly remaining: number;
  readonly limit: number;
  /** Wall-clock ms when the next renewal is possible; undefined: now. */
  readonly retryAt: number | undefined;
}

/** How many of a renewal budget an early renewal leaves for those that a request needs: a quarter, rounded up. */
export function leftByEarly({ logins }: BudgetLimits): number {
  return Math.ceil(logins / 4);
}

/**
 * The result of a debit: the remaining logins, and the counted login (wall-clock ms), by which it can be taken back.
 */
export interface LoginDebit {
  readonly granted: boolean;
  readonly at: number;
  readonly state: BudgetState;
}

/** A time by clocks that nobody sets; the second one goes on while the machine is suspended. ms. */
interface Made {
  readonly monotonic: number;
  readonly sinceBoot: number;
}

/** The logins of one budget that this process has counted itself. */
interface OwnLogins {
  readonly limits: BudgetLimits;
  /** `at` of each debit in the store, and when it was made. */
  readonly made: Map<number, Made>;
  /** Debits to be taken back that are not yet removed from the store. */
  readonly takenBack: Set<number>;
}

/** From so many budgets on, expired ones are searched for and removed. */
const SWEEP_THRESHOLD = 1_000;

/**
 * The counts of logins, and of renewals, as one process sees them. They are in the store, durable and shared by all
 * processes. A store can lose them (a flush, an evicted key, a failover), so each process remembers its own logins for
 * as long as they count, and every read of a count restores those that are missing.
 */
export class LoginBudgets {
  readonly #store: TokenStore;
  readonly #clock: Clock;
  readonly #ownLogins = new Map<string, OwnLogins>();
  #sweepAt = SWEEP_THRESHOLD;

  constructor(store: TokenStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Counts one login durably before it is made. `useReserve` only for an operator's renewal. `leave`: so many must be
   * left after it. Rejects with a StoreError.
   */
  async debit(limits: BudgetLimits, useReserve: boolean, leave = 0): Promise<LoginDebit> {
    const now = this.#clock.wall();
    const most = limits.logins - Math.max(useReserve ? 0 : limits.reserve, leave);
    await this.#sendTakeBacks(limits.key);
    // A clock that was set forward makes the store take logins of this process for old ones.
    const limit = this.#loginsMade(limits).length < most ? most : 0;
    const { granted, at, entries } = await this.#telling(limits, (made) =>
      this.#store.debit(limits.key, now, limits.window, limit, made),
    );
    if (granted) this.#remember(limits, at);
    return { granted, at, state: this.#stateOf(limits, entries, now) };
  }

  /**
   * Removes the login `at` of an earlier debit: nothing of it was sent. Rejects with a StoreError if the store cannot
   * be written now; then the next access to this budget removes it.
   */
  async takeBack(limits: BudgetLimits, at: number): Promise<BudgetState> {
    const own = this.#ownOf(limits);
    own.made.delete(at);
    own.takenBack.add(at);
    return this.state(limits);
  }

  /** The remaining logins. Rejects with a StoreError. */
  async state(limits: BudgetLimits): Promise<BudgetState> {
    const now = this.#clock.wall();
    await this.#sendTakeBacks(limits.key);
    const entries = await this.#telling(limits, (made) => this.#store.used(limits.key, now, limits.window, made));
    return this.#stateOf(limits, entries, now);
  }

  /**
   * Restores every login that this process has counted, in a store that is back and may have lost some. Rejects with
   * the first StoreError; an error about one budget does not stop the others.
   */
  async writeBack(): Promise<void> {
    let failed: RecordError | undefined;
    for (const { limits } of [...this.#ownLogins.values()]) {
      try {
        await this.state(limits);
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        failed ??= error;
      }
    }
    if (failed !== undefined) throw failed;
  }

  async #sendTakeBacks(key: string): Promise<void> {
    const own = this.#ownLogins.get(key);
    if (own === undefined) return;
    for (const at of [...own.takenBack]) {
      // Out of the set first, so that a concurrent access does not remove it a second time.
      own.takenBack.delete(at);
      await this.#store.takeBack(key, at).catch((error: unknown) => {
        own.takenBack.add(at);
        throw error;
      });
    }
    this.#forgetIfOver(key, own);
  }

  /**
   * An access that tells the store which logins this process has made, so that it restores those that it has lost. One
   * that is taken back meanwhile may be restored by it, and is removed again.
   */
  async #telling<T>(limits: BudgetLimits, access: (made: number[]) => Promise<T>): Promise<T> {
    const told = this.#loginsMade(limits);
    const result = await access(told);
    const made = this.#ownLogins.get(limits.key)?.made;
    const takenBack = told.filter((at) => made?.has(at) !== true);
    if (takenBack.length === 0) return result;
    for (const at of takenBack) this.#ownOf(limits).takenBack.add(at);
    // What fails now is tried again with the next access.
    await this.#sendTakeBacks(limits.key).catch(() => undefined);
    return result;
  }

  /** `entries`: the logins that count by the store. If this process knows of more, its own count. */
  #stateOf(limits: BudgetLimits, entries: readonly number[], now: number): BudgetState {
    const made = [...(this.#ownLogins.get(limits.key)?.made.values() ?? [])];
    if (made.length <= entries.length) return stateOf(limits, entries, now);
    const present = this.#present();
    const own = made.map((moment) => now - ageOf(moment, present)).sort((a, b) => a - b);
    return stateOf(limits, own, now);
  }

  #ownOf(limits: BudgetLimits): OwnLogins {
    const existing = this.#ownLogins.get(limits.key);
    const own =
      existing === undefined
        ? { limits, made: new Map<number, Made>(), takenBack: new Set<number>() }
        : { ...existing, limits };
    this.#ownLogins.set(limits.key, own);
    return own;
  }

  #remember(limits: BudgetLimits, at: number): void {
    this.#ownOf(limits).made.set(at, this.#present());
    if (this.#ownLogins.size < this.#sweepAt) return;
    for (const [key, own] of this.#ownLogins) this.#forgetIfOver(key, own);
    this.#sweepAt = Math.max(SWEEP_THRESHOLD, 2 * this.#ownLogins.size);
  }

  #forgetIfOver(key: string, own: OwnLogins): void {
    const present = this.#present();
    for (const [at, made] of own.made) if (ageOf(made, present) >= own.limits.window) own.made.delete(at);
    if (own.made.size === 0 && own.takenBack.size === 0) this.#ownLogins.delete(key);
  }

  #present(): Made {
    const monotonic = this.#clock.monotonic();
    return { monotonic, sinceBoot: this.#clock.sinceBoot?.() ?? monotonic };
  }

  #loginsMade({ key }: BudgetLimits): number[] {
    return [...(this.#ownLogins.get(key)?.made.keys() ?? [])];
  }
}

/** By the clock that counted more: a suspended machine's first one stood still, and the second can be put back. ms. */
function ageOf(made: Made, present: Made): number {
  return Math.max(present.monotonic - made.monotonic, present.sinceBoot - made.sinceBoot);
}

/** `entries`: the logins that count, oldest first. */
function stateOf(limits: BudgetLimits, entries: readonly number[], now: number): BudgetState {
  const limit = limits.logins - limits.reserve;
  const used = entries.length;
  const remaining = Math.max(0, limit - used);
  return {
    remaining,
    limit,
    reserveRemaining: Math.min(limits.reserve, Math.max(0, limits.logins - used)),
    reserveLimit: limits.reserve,
    // Logins spent from the reserve count too: so many have to fall out of the window.
    retryAt: remaining > 0 ? undefined : (entries[used - limit] ?? now) + limits.window,
  };
}
