/** A record as every store keeps it: two numbers in the clear so that a store can compare them, the rest sealed. */
export interface StoredRecord {
  /** Counts every write; compared and set. */
  readonly revision: number;
  /** Counts tokens; never decreases. */
  readonly generation: number;
  readonly sealed: Buffer;
}

/** The answer to a debit. `used` counts the window after the call; `oldest` is the wall-clock ms of the oldest entry in it. */
export interface Debit {
  readonly granted: boolean;
  readonly used: number;
  readonly oldest: number | undefined;
}

/**
 * Where credentials outlive the process. One contract for every store; `test/tokens/store-contract.ts` states it.
 * Any method may reject with a StoreError; that never means "somebody else holds it".
 */
export interface TokenStore {
  /** Undefined: no such record. Rejects when there is one that cannot be read, which must never be mistaken for none. */
  read(account: string): Promise<StoredRecord | undefined>;
  /** Writes `next` if the stored revision is `expected` (0 = no record yet) and the generation does not go back. Durable once it resolves true. */
  replace(account: string, expected: number, next: StoredRecord): Promise<boolean>;
  /** Takes or prolongs the right to renew: true if `owner` has it now for `ttl` ms. */
  acquireLease(account: string, owner: string, ttl: number): Promise<boolean>;
  /** Gives it back, if `owner` still has it. */
  releaseLease(account: string, owner: string): Promise<void>;
  /** Durably counts one login at wall-clock `now` (ms) if fewer than `limit` stand in the last `window` ms. */
  debit(budget: string, now: number, window: number, limit: number): Promise<Debit>;
  /** Takes one counted login of that moment back: nothing of it was sent. */
  takeBack?(budget: string, at: number): Promise<void>;
  /** The same count without adding to it. */
  used(budget: string, now: number, window: number): Promise<Omit<Debit, 'granted'>>;
  /** The accounts that have a record. */
  accounts(): Promise<string[]>;
  /** The logins counted, to carry them to another store. */
  budgets(): Promise<{ budget: string; entries: readonly number[] }[]>;
  /** Adds counted logins (wall-clock ms) to a budget, which keeps them for `window` ms. */
  restoreBudget(budget: string, entries: readonly number[], window: number): Promise<void>;
  /**
   * Calls back with every account whose generation another process has raised; absent where a store cannot tell.
   * `mayHaveChanged`: the connection was lost and is back, so news may have been missed and writes lost (a failover), or `check` has found the store emptied.
   */
  watch?(listener: (account: string) => void, mayHaveChanged: () => void): Promise<void>;
  /** Rejects while the store cannot be used. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Why a store could not be opened or used; `message` is for the operator, and holds no secret. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/** One record cannot be opened. The store works, and so do all other accounts: this concerns the record's own account only. */
export class RecordError extends StoreError {
  override readonly name = 'RecordError';
}
