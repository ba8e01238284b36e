import type { Clock } from './clock.ts';
import type { TokenStore } from './store.ts';

/** How many logins an upstream grants, and how many of them are kept for an operator. */
export interface BudgetLimits {
  /** Names whom the upstream counts, so that two accounts of one login share one count. */
  readonly key: string;
  readonly logins: number;
  /** Rolling window, ms. A rolling one is right whatever hour the upstream's day starts. */
  readonly window: number;
  readonly reserve: number;
}

/** What is left, for status and metrics. `retryAt`: wall-clock ms when the next automatic login is possible. */
export interface BudgetState {
  readonly remaining: number;
  readonly limit: number;
  /** Of the logins kept for an operator. */
  readonly reserveRemaining: number;
  readonly reserveLimit: number;
  readonly retryAt: number | undefined;
}

/** The answer to a debit: what is left, and the login counted (wall-clock ms), by which it can be taken back. */
export interface LoginDebit {
  readonly granted: boolean;
  readonly at: number;
  readonly state: BudgetState;
}

/** The counts of logins as one process sees them. They live in the store, durable and shared by all processes. */
export class LoginBudgets {
  readonly #store: TokenStore;
  readonly #clock: Clock;

  constructor(store: TokenStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Counts one login durably before it is made. `useReserve` is an operator's decision, never an automatic one. Rejects with a StoreError. */
  async debit(limits: BudgetLimits, useReserve: boolean): Promise<LoginDebit> {
    const now = this.#clock.wall();
    const limit = useReserve ? limits.logins : limits.logins - limits.reserve;
    const { granted, used, oldest } = await this.#store.debit(limits.key, now, limits.window, limit);
    return { granted, at: now, state: stateOf(limits, used, oldest, now) };
  }

  /** Takes a counted login back, because nothing of it was sent. Rejects with a StoreError. */
  async takeBack(limits: BudgetLimits, at: number): Promise<BudgetState> {
    await this.#store.takeBack?.(limits.key, at);
    return this.state(limits);
  }

  /** What is left now. Rejects with a StoreError. */
  async state(limits: BudgetLimits): Promise<BudgetState> {
    const now = this.#clock.wall();
    const { used, oldest } = await this.#store.used(limits.key, now, limits.window);
    return stateOf(limits, used, oldest, now);
  }
}

function stateOf(limits: BudgetLimits, used: number, oldest: number | undefined, now: number): BudgetState {
  const limit = limits.logins - limits.reserve;
  const remaining = Math.max(0, limit - used);
  return {
    remaining, limit,
    reserveRemaining: Math.min(limits.reserve, Math.max(0, limits.logins - used)), reserveLimit: limits.reserve,
    retryAt: remaining > 0 ? undefined : (oldest ?? now) + limits.window,
  };
}
