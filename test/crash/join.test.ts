import assert from 'node:assert/strict';
import { Ledger, type LedgerEntry, type OpenEntry } from '../../src/sandbox/ledger.ts';
import type { CallerEntry } from './callers.ts';
import { contradiction, requestFaults, tokensIssued, tokensPresented } from './join.ts';

describe('joining the ledgers', () => {
  it('finds nothing wrong where both say the same', () => {
    const ledger = new Ledger();
    arrived(ledger, 'a');
    arrived(ledger, 'b', { outcome: 'dead-token', status: 401 });
    const callers = [caller('a', 'answered'), caller('b', 'ours', 'token_unavailable'), caller('c', 'broken')];
    assert.deepEqual(requestFaults(callers, ledger), []);
  });

  it('finds an error of our own that says nothing was done, where the upstream had answered', () => {
    const ledger = new Ledger();
    arrived(ledger, 'a');
    assert.deepEqual(requestFaults([caller('a', 'ours', 'token_unavailable')], ledger), [
      'GET a came to token_unavailable, and the upstream had answered it with 200',
    ]);
  });

  it('finds an error of our own for a write that was carried out, and whose answer was lost', () => {
    const lost = { outcome: 'cut', status: null, applied: true } as LedgerEntry;
    assert.match(contradiction('store_unavailable', [lost])!, /came to store_unavailable/);
  });

  it('takes the two errors that tell the caller to look for what they say', () => {
    const ledger = new Ledger();
    arrived(ledger, 'a');
    arrived(ledger, 'b');
    const callers = [caller('a', 'ours', 'upstream_broken'), caller('b', 'ours', 'upstream_timeout')];
    assert.deepEqual(requestFaults(callers, ledger), []);
  });

  it('finds arrivals without an id, and of an id that nobody sent', () => {
    const ledger = new Ledger();
    arrived(ledger, null);
    arrived(ledger, 'x');
    assert.deepEqual(requestFaults([], ledger), [
      '1 requests without an id reached the upstream: nobody can say whose they were',
      'a request x reached the upstream that no caller sent',
    ]);
  });

  it('finds a request that was answered and not done, and one that was done twice', () => {
    const ledger = new Ledger();
    arrived(ledger, 'b', { applied: true });
    arrived(ledger, 'b', { applied: true });
    assert.deepEqual(requestFaults([caller('a', 'answered'), caller('b', 'answered')], ledger), [
      'GET a was answered with 200, and the upstream had not done it',
      'GET b was applied 2 times',
    ]);
  });

  it('says which tokens were presented and issued since a moment', () => {
    const ledger = new Ledger();
    arrived(ledger, 'a', { tokenId: 'chatapp#1' });
    const since = ledger.last()!.seq;
    arrived(ledger, null, { kind: 'refresh', issued: 'chatapp#2' });
    arrived(ledger, 'b', { tokenId: 'chatapp#2' });
    arrived(ledger, 'c', { tokenId: 'chatapp#2' });
    assert.deepEqual(tokensPresented(ledger, since), ['chatapp#2']);
    assert.deepEqual(tokensIssued(ledger, since), ['chatapp#2']);
  });
});

function arrived(ledger: Ledger, requestId: string | null, change: Partial<OpenEntry> = {}): void {
  const { kind = 'api', tokenId = null } = change;
  const entry = ledger.begin({
    vendor: 'chatapp',
    service: 'chatapp',
    kind,
    method: 'GET',
    target: '/',
    rawHeaders: [],
    tokenId,
    requestId,
  });
  Object.assign(entry, { outcome: 'ok', status: 200 }, change);
  ledger.finish(entry);
}

function caller(id: string, outcome: CallerEntry['outcome'], code?: string): CallerEntry {
  const status = outcome === 'answered' ? 200 : undefined;
  return { id, method: 'GET', outcome, status, code, retryAfter: undefined, startedAt: 0, endedAt: 1 };
}
