import type { Ledger, LedgerEntry } from '../../src/sandbox/ledger.ts';
import type { CallerEntry } from './callers.ts';

/*
 * All verdicts come from joining three ledgers: the callers' own, what reached the upstream's API, and what reached its
 * token endpoint. What tokenward says of itself decides nothing.
 */

/**
 * No request applied twice; every answered one has exactly one carried-out call behind it, every one of our own errors
 * none that answered.
 */
export function requestFaults(callers: readonly CallerEntry[], ledger: Ledger, since = 0): string[] {
  const byId = new Map<string, LedgerEntry[]>();
  for (const entry of ledger.entries({ kind: 'api', since })) {
    if (entry.requestId === null) continue;
    const list = byId.get(entry.requestId);
    if (list === undefined) byId.set(entry.requestId, [entry]);
    else list.push(entry);
  }
  const faults: string[] = [];
  for (const { id, method, outcome, status } of callers) {
    const arrived = byId.get(id) ?? [];
    const applied = arrived.filter((entry) => entry.applied).length;
    if (applied > 1) faults.push(`${method} ${id} was applied ${applied} times`);
    if (outcome === 'open') faults.push(`${method} ${id} never ended`);
    const done = arrived.filter((entry) => entry.outcome === 'ok').length;
    if (outcome === 'answered' && done === 0)
      faults.push(`${method} ${id} was answered with ${String(status)}, and the upstream had not done it`);
    if (outcome === 'answered' && status !== 200) faults.push(`${method} ${id} was answered with ${String(status)}`);
  }
  return faults;
}

/** Logins that issued a pair, whether or not the answer arrived. */
export function loginsIn(ledger: Ledger, since: number): number {
  return ledger.count({ kind: 'login', since, where: (entry) => entry.issued !== null });
}

export function refreshesIn(ledger: Ledger, since: number): number {
  return ledger.count({ kind: 'refresh', since });
}

/**
 * Refresh tokens that arrived too often, families revoked, token calls refused. `arrivalsMost`: how often one may
 * arrive.
 */
export function spendFaults(ledger: Ledger, arrivalsMost: number, since = 0): string[] {
  const faults: string[] = [];
  for (const entry of ledger.entries({ since, where: ({ kind }) => kind !== 'api' })) {
    if (entry.reason === 'family-revoked') faults.push('a family of tokens was revoked');
    else if (entry.outcome === 'refused' || entry.outcome === 'quota')
      faults.push(`a ${entry.kind} was answered "${entry.outcome}" (${entry.reason ?? ''})`);
  }
  return [...faults, ...doubleSpends(ledger, arrivalsMost, since)];
}

/** Refresh tokens that arrived too often. */
export function doubleSpends(ledger: Ledger, arrivalsMost: number, since = 0): string[] {
  const arrivals = new Map<string, number>();
  for (const { refreshTokenId } of ledger.entries({ kind: 'refresh', since }))
    if (refreshTokenId !== null) arrivals.set(refreshTokenId, (arrivals.get(refreshTokenId) ?? 0) + 1);
  return [...arrivals]
    .filter(([, count]) => count > arrivalsMost)
    .map(([id, count]) => `the refresh token of ${id} arrived ${count} times`);
}

/** The newest entry's number: what comes later belongs to the next step. */
export function mark(ledger: Ledger): number {
  return ledger.last()?.seq ?? 0;
}
