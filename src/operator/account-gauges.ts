import type { Metrics } from '../metrics.ts';
import type { CredentialStatus } from '../tokens/status.ts';

/** Writes the accounts' state into gauges, at a scrape. */
export function describeAccounts(metrics: Metrics, accounts: readonly CredentialStatus[]): void {
  const {
    generation,
    obtained,
    expiry,
    dead,
    ready,
    accountState,
    waiting,
    budgetRemaining,
    budgetLimit,
    reserveRemaining,
    reserveLimit,
  } = metrics;
  // Accounts come into memory and leave it: only the present ones have series.
  for (const gauge of [
    generation,
    obtained,
    expiry,
    dead,
    ready,
    accountState,
    waiting,
    budgetRemaining,
    budgetLimit,
    reserveRemaining,
    reserveLimit,
  ]) {
    gauge.reset();
  }
  for (const status of accounts) {
    const account = metrics.accountLabel(status.account);
    if (account !== status.account) continue;
    const labels = { account, flow: status.flow };
    generation.set(labels, status.generation);
    if (status.obtainedAt !== undefined) obtained.set(labels, status.obtainedAt / 1000);
    if (status.expiresAt !== undefined) expiry.set(labels, status.expiresAt / 1000);
    dead.set(labels, status.dead ? 1 : 0);
    ready.set(labels, status.ready ? 1 : 0);
    // One series for each account, not one for each state: a scrape of many accounts is large enough.
    accountState.set({ ...labels, state: status.state }, 1);
    waiting.set({ account }, status.waiting);
    if (status.budget === undefined) continue;
    budgetRemaining.set(labels, status.budget.remaining);
    budgetLimit.set(labels, status.budget.limit);
    reserveRemaining.set(labels, status.budget.reserveRemaining);
    reserveLimit.set(labels, status.budget.reserveLimit);
  }
}
