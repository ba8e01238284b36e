import type { Metrics } from '../metrics.ts';
import type { CredentialStatus } from '../tokens/status.ts';

/** Writes the accounts' state into gauges, at a scrape. */
export function describeAccounts(metrics: Metrics, accounts: readonly CredentialStatus[]): void {
  // Accounts come into memory and leave it: only the present ones have series.
  for (const gauge of [
    metrics.generation,
    metrics.obtained,
    metrics.expiry,
    metrics.refreshExpiry,
    metrics.nextTry,
    metrics.dead,
    metrics.ready,
    metrics.accountState,
    metrics.waiting,
    metrics.budgetRemaining,
    metrics.budgetLimit,
    metrics.reserveRemaining,
    metrics.reserveLimit,
    metrics.renewalsRemaining,
    metrics.renewalsLimit,
  ]) {
    gauge.reset();
  }
  for (const status of accounts) {
    const account = metrics.accountLabel(status.account);
    if (account !== status.account) continue;
    const labels = { account, flow: status.flow };
    metrics.generation.set(labels, status.generation);
    if (status.obtainedAt !== undefined) metrics.obtained.set(labels, status.obtainedAt / 1000);
    if (status.expiresAt !== undefined) metrics.expiry.set(labels, status.expiresAt / 1000);
    if (status.refreshExpiresAt !== undefined) metrics.refreshExpiry.set(labels, status.refreshExpiresAt / 1000);
    if (status.retryAt !== undefined) metrics.nextTry.set(labels, status.retryAt / 1000);
    metrics.dead.set(labels, status.dead ? 1 : 0);
    metrics.ready.set(labels, status.ready ? 1 : 0);
    // One series for each account, not one for each state: a scrape of many accounts is large enough.
    metrics.accountState.set({ ...labels, state: status.state }, 1);
    metrics.waiting.set({ account }, status.waiting);
    for (const { per, remaining, limit } of status.renewalsLeft ?? []) {
      metrics.renewalsRemaining.set({ ...labels, per }, remaining);
      metrics.renewalsLimit.set({ ...labels, per }, limit);
    }
    if (status.budget === undefined) continue;
    metrics.budgetRemaining.set(labels, status.budget.remaining);
    metrics.budgetLimit.set(labels, status.budget.limit);
    metrics.reserveRemaining.set(labels, status.budget.reserveRemaining);
    metrics.reserveLimit.set(labels, status.budget.reserveLimit);
  }
}
