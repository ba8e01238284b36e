import type { Ledger, LedgerEntry } from '../../src/sandbox/ledger.ts';
import type { CallerEntry } from './callers.ts';

/*
 * All verdicts come from joining three ledgers: the callers' own, what reached the upstream's API, and what reached its
 * token endpoint. What tokenward says of itself decides nothing.
 */

/**
 * Our own errors after which the upstream may have carried the request out; docs/errors.md tells the caller to look.
 * After every other one the caller may take it that nothing happened.
 */
const MAYBE_CARRIED_OUT: ReadonlySet<string> = new Set(['upstream_broken', 'upstream_timeout']);

/**
 * No request applied twice; every answered one has exactly one carried-out call behind it, every one of our own errors
 * none that answered. `callers` are all who asked since then: an arrival of nobody's is a fault too.
 */
export function requestFaults(callers: readonly CallerEntry[], ledger: Ledger, since = 0): string[] {
  const byId = new Map<string, LedgerEntry[]>();
  let unnamed = 0;
  for (const entry of ledger.entries({ kind: 'api', since })) {
    if (entry.requestId === null) {
      unnamed += 1;
      continue;
    }
    const list = byId.get(entry.requestId);
    if (list === undefined) byId.set(entry.requestId, [entry]);
    else list.push(entry);
  }
  const faults: string[] = [];
  if (unnamed > 0)
    faults.push(`${unnamed} requests without an id reached the upstream: nobody can say whose they were`);
  for (const { id, method, outcome, status, code } of callers) {
    const arrived = byId.get(id) ?? [];
    byId.delete(id);
    const applied = arrived.filter((entry) => entry.applied).length;
    if (applied > 1) faults.push(`${method} ${id} was applied ${applied} times`);
    if (outcome === 'open') faults.push(`${method} ${id} never ended`);
    const done = arrived.filter((entry) => entry.outcome === 'ok').length;
    if (outcome === 'answered' && done === 0)
      faults.push(`${method} ${id} was answered with ${String(status)}, and the upstream had not done it`);
    if (outcome === 'answered' && status !== 200) faults.push(`${method} ${id} was answered with ${String(status)}`);
    if (outcome === 'ours') {
      const wrong = contradiction(code, arrived);
      if (wrong !== undefined) faults.push(`${method} ${id} ${wrong}`);
    }
  }
  for (const id of byId.keys()) faults.push(`a request ${id} reached the upstream that no caller sent`);
  return faults;
}

/**
 * What the upstream's ledger says against an error of our own: that it had answered, though the error says that nothing
 * was done. `arrived`: what it saw of that request. A rejection of the token is no such answer.
 */
export function contradiction(code: string | undefined, arrived: readonly LedgerEntry[]): string | undefined {
  if (code !== undefined && MAYBE_CARRIED_OUT.has(code)) return undefined;
  const answered = arrived.find(
    ({ outcome, status, applied }) => applied || (status !== null && outcome !== 'dead-token'),
  );
  return answered && `came to ${String(code)}, and the upstream had answered it with ${String(answered.status)}`;
}

/** The newest pair whose access token has carried a request out. */
export function tokenInUse(ledger: Ledger): string | null {
  return ledger.last({ kind: 'api', outcome: 'ok' })?.tokenId ?? null;
}

/** The pairs whose access tokens were presented since then, each once, in order; `unknown`: of no pair. */
export function tokensPresented(ledger: Ledger, since: number): string[] {
  return [...new Set(ledger.entries({ kind: 'api', since }).map(({ tokenId }) => tokenId ?? 'unknown'))];
}

/** The pairs that were issued since then, in order. */
export function tokensIssued(ledger: Ledger, since: number): string[] {
  return ledger
    .entries({ since, where: ({ kind }) => kind !== 'api' })
    .flatMap(({ issued }) => (issued === null ? [] : [issued]));
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
