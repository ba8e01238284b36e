import { StoreError, type Debit, type StoredRecord, type TokenStore } from '../../src/tokens/store.ts';

/** A store in memory whose operations can be made to fail: for what a real store does too rarely. */
export class MemoryStore implements TokenStore {
  readonly records = new Map<string, StoredRecord>();
  readonly leases = new Map<string, { owner: string; until: number }>();
  readonly debits = new Map<string, number[]>();
  /** Operations that fail while they are named here. */
  readonly failing = new Set<'read' | 'replace' | 'acquireLease' | 'releaseLease' | 'debit' | 'used' | 'check'>();
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

  async debit(budget: string, now: number, window: number, limit: number): Promise<Debit> {
    this.#fail('debit');
    const entries = (this.debits.get(budget) ?? []).filter((at) => at > now - window);
    const granted = entries.length < limit;
    if (granted) entries.push(now);
    this.debits.set(budget, entries);
    return { granted, used: entries.length, oldest: entries[0] };
  }

  async used(budget: string, now: number, window: number): Promise<Omit<Debit, 'granted'>> {
    this.#fail('used');
    const entries = (this.debits.get(budget) ?? []).filter((at) => at > now - window);
    return { used: entries.length, oldest: entries[0] };
  }

  async accounts(): Promise<string[]> {
    return [...this.records.keys()];
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    return [...this.debits].map(([budget, entries]) => ({ budget, entries }));
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
