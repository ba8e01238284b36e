import { StoreError, type Debit, type StoredRecord, type TokenStore } from '../../src/tokens/store.ts';

/** A store in memory whose operations can be made to fail: for what a real store does too rarely. */
export class MemoryStore implements TokenStore {
  readonly records = new Map<string, StoredRecord>();
  readonly leases = new Map<string, { owner: string; until: number }>();
  readonly debits = new Map<string, number[]>();
  /** Operations that fail while they are named here. */
  readonly failing = new Set<
    'read' | 'replace' | 'acquireLease' | 'releaseLease' | 'debit' | 'used' | 'takeBack' | 'check'
  >();
  /** Runs before each write: to slip something in between. */
  beforeReplace: ((account: string, next: StoredRecord) => void | Promise<void>) | undefined;

  async read(account: string): Promise<StoredRecord | undefined> {
    this.#fail('read');
    return this.records.get(account);
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    await this.beforeReplace?.(account, next);
    this.#fail('replace');
    const current = this.records.get(account);
    if ((current?.revision ?? 0) !== expected || (current?.generation ?? 0) > next.generation) return false;
    this.records.set(account, next);
    return true;
  }

  async acquireLease(account: string, owner: string, ttl: number): Promise<boolean> {
    this.#fail('acquireLease');
    const lease = this.leases.get(account);
    if (lease !== undefined && lease.owner !== owner && lease.until > Date.now()) return false;
    this.leases.set(account, { owner, until: Date.now() + ttl });
    return true;
  }

  async releaseLease(account: string, owner: string): Promise<void> {
    this.#fail('releaseLease');
    if (this.leases.get(account)?.owner === owner) this.leases.delete(account);
  }

  async debit(
    budget: string,
    now: number,
    window: number,
    limit: number,
    known: readonly number[] = [],
  ): Promise<Debit> {
    this.#fail('debit');
    const entries = this.#counting(budget, now, window, known);
    const granted = entries.length < limit;
    let at = now;
    if (granted) {
      while (this.debits.get(budget)?.includes(at) === true) at += 1;
      this.debits.set(budget, [...(this.debits.get(budget) ?? []), at]);
      entries.push(at);
    }
    return { granted, at, entries: entries.sort((a, b) => a - b) };
  }

  async used(budget: string, now: number, window: number, known: readonly number[] = []): Promise<readonly number[]> {
    this.#fail('used');
    return this.#counting(budget, now, window, known);
  }

  async takeBack(budget: string, at: number): Promise<void> {
    this.#fail('takeBack');
    const entries = this.debits.get(budget) ?? [];
    const index = entries.indexOf(at);
    if (index >= 0)
      this.debits.set(
        budget,
        entries.filter((_, other) => other !== index),
      );
  }

  #counting(budget: string, now: number, window: number, known: readonly number[]): number[] {
    const entries = this.debits.get(budget) ?? [];
    const missing = known.filter((at) => !entries.includes(at));
    if (missing.length > 0) this.debits.set(budget, [...entries, ...missing]);
    return [...entries, ...missing].filter((at) => at > now - window).sort((a, b) => a - b);
  }

  async accounts(): Promise<string[]> {
    return [...this.records.keys()];
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    return [...this.debits].map(([budget, entries]) => ({ budget, entries }));
  }

  async leased(): Promise<string[]> {
    return [...this.leases.keys()];
  }

  async remove(account: string): Promise<void> {
    this.#fail('replace');
    this.records.delete(account);
    this.leases.delete(account);
  }

  async removeBudget(budget: string): Promise<void> {
    this.debits.delete(budget);
  }

  async restoreBudget(budget: string, entries: readonly number[]): Promise<void> {
    this.debits.set(budget, [...(this.debits.get(budget) ?? []), ...entries]);
  }

  async check(): Promise<void> {
    this.#fail('check');
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  #fail(operation: Parameters<MemoryStore['failing']['has']>[0]): void {
    if (this.failing.has(operation)) throw new StoreError(`made to fail: ${operation}`);
  }
}
