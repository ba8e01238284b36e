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
  readonly retryAt: number | undefined;
}

/** Counts one login durably before it is made. `useReserve` is an operator's decision, never an automatic one. */
export async function debitLogin(store: TokenStore, limits: BudgetLimits, now: number, useReserve: boolean): Promise<BudgetState & { granted: boolean }> {
  const limit = useReserve ? limits.logins : limits.logins - limits.reserve;
  const { granted, used, oldest } = await store.debit(limits.key, now, limits.window, limit);
  return { granted, ...state(limits, used, oldest, now) };
}

export async function budgetState(store: TokenStore, limits: BudgetLimits, now: number): Promise<BudgetState> {
  const { used, oldest } = await store.used(limits.key, now, limits.window);
  return state(limits, used, oldest, now);
}

function state(limits: BudgetLimits, used: number, oldest: number | undefined, now: number): BudgetState {
  const limit = limits.logins - limits.reserve;
  const remaining = Math.max(0, limit - used);
  return { remaining, limit, retryAt: remaining > 0 ? undefined : (oldest ?? now) + limits.window };
}
