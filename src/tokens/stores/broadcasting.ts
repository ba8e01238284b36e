import { accountOfKey, type Debit, type StoredKind, type StoredRecord, type TokenStore } from '../store.ts';

/** The other processes that share a store. */
export interface InvalidationBus {
  /** Notifies them that an account's record has changed. */
  announce(account: string): void;
  /** Calls `listener` with every account that one of them has announced. */
  listen(listener: (account: string) => void): void;
}

/**
 * Adds `watch` to a store that does not report other processes' writes, for processes with a bus between them: every
 * write is announced on it. An announcement only causes a read of the store, so that a needless one is cheap and the
 * next renewal makes up for a lost one.
 */
export class BroadcastingStore implements TokenStore {
  readonly #store: TokenStore;
  readonly #bus: InvalidationBus;

  constructor(store: TokenStore, bus: InvalidationBus) {
    this.#store = store;
    this.#bus = bus;
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    const written = await this.#store.replace(account, expected, next);
    if (written) this.#bus.announce(accountOfKey(account));
    return written;
  }

  async watch(listener: (account: string) => void): Promise<void> {
    this.#bus.listen(listener);
  }

  read(account: string): Promise<StoredRecord | undefined> {
    return this.#store.read(account);
  }

  acquireLease(account: string, owner: string, ttl: number): Promise<boolean> {
    return this.#store.acquireLease(account, owner, ttl);
  }

  releaseLease(account: string, owner: string): Promise<void> {
    return this.#store.releaseLease(account, owner);
  }

  remove(account: string): Promise<void> {
    return this.#store.remove(account);
  }

  debit(budget: string, now: number, window: number, limit: number, ownLogins?: readonly number[]): Promise<Debit> {
    return this.#store.debit(budget, now, window, limit, ownLogins);
  }

  used(budget: string, now: number, window: number, ownLogins?: readonly number[]): Promise<readonly number[]> {
    return this.#store.used(budget, now, window, ownLogins);
  }

  takeBack(budget: string, at: number): Promise<void> {
    return this.#store.takeBack(budget, at);
  }

  leased(): Promise<string[]> {
    return this.#store.leased();
  }

  removeBudget(budget: string): Promise<void> {
    return this.#store.removeBudget(budget);
  }

  keyOf(kind: StoredKind, name: string): string {
    return this.#store.keyOf?.(kind, name) ?? name;
  }

  async warnings(): Promise<string[]> {
    return (await this.#store.warnings?.()) ?? [];
  }

  accounts(): Promise<string[]> {
    return this.#store.accounts();
  }

  budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    return this.#store.budgets();
  }

  restoreBudget(budget: string, entries: readonly number[], window: number): Promise<void> {
    return this.#store.restoreBudget(budget, entries, window);
  }

  check(): Promise<void> {
    return this.#store.check();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
