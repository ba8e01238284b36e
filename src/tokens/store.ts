/** A record as every store keeps it: two numbers in the clear so that a store can compare them, the rest sealed. */
export interface StoredRecord {
  /** Counts every write; compared and set. */
  readonly revision: number;
  /** Counts tokens; never decreases. */
  readonly generation: number;
  readonly sealed: Buffer;
}

/** The answer to a debit. */
export interface Debit {
  readonly granted: boolean;
  /**
   * The login that was counted, by which it can be taken back: no other one of this budget has the same. Wall-clock ms.
   */
  readonly at: number;
  /** The logins that count now, this one included; oldest first, as wall-clock ms of the caller's clock. */
  readonly entries: readonly number[];
}

/** What a store keeps under names. */
export type StoredKind = 'record' | 'lease' | 'budget';

/**
 * Where credentials outlive the process. One contract for every store; `test/tokens/store-contract.ts` states it.
 * Any method may reject with a StoreError; that never means "somebody else holds it". What is wrong with one row alone
 * is a RecordError, which names the row.
 */
export interface TokenStore {
  /**
   * Undefined: no such record. Rejects with a RecordError when there is one that cannot be read, which must never be
   * mistaken for none.
   */
  read(account: string): Promise<StoredRecord | undefined>;
  /**
   * Writes `next` if the stored revision is `expected` (0 = no record yet) and the generation does not go back. Durable
   * once it resolves true.
   */
  replace(account: string, expected: number, next: StoredRecord): Promise<boolean>;
  /** Forgets the account's record and lease, if there are any. */
  remove(account: string): Promise<void>;
  /**
   * Takes or prolongs the right to renew: true if `owner` has it now for `ttl` ms. A lease that cannot be read holds
   * nobody up.
   */
  acquireLease(account: string, owner: string, ttl: number): Promise<boolean>;
  /** Gives it back, if `owner` still has it. */
  releaseLease(account: string, owner: string): Promise<void>;
  /**
   * Durably counts one login, made at `now` by the caller's clock (ms), if fewer than `limit` count in the last
   * `window` ms. `known`: logins that the caller has counted before; those the store has lost are added first. A login
   * counts no more when every clock there is says that the window has passed; a clock that is wrong makes no room. A
   * row that cannot be read is a RecordError, never a count of nothing.
   */
  debit(budget: string, now: number, window: number, limit: number, ownLogins?: readonly number[]): Promise<Debit>;
  /** The logins that count, without adding one. */
  used(budget: string, now: number, window: number, ownLogins?: readonly number[]): Promise<readonly number[]>;
  /** Counts the login `at` of a debit no more, because it was not made. */
  takeBack(budget: string, at: number): Promise<void>;
  /** The names that have a record. */
  accounts(): Promise<string[]>;
  /** The names that have a lease, running or left behind. */
  leased(): Promise<string[]>;
  /** The logins counted, to carry them to another store. */
  budgets(): Promise<{ budget: string; entries: readonly number[] }[]>;
  /** Adds counted logins (wall-clock ms) to a budget, which keeps them for `window` ms at least. */
  restoreBudget(budget: string, entries: readonly number[], window: number): Promise<void>;
  /** Forgets a count of logins. */
  removeBudget(budget: string): Promise<void>;
  /** What an operator would look for in the store: the whole key of a row. */
  keyOf?(kind: StoredKind, name: string): string;
  /** What about this store can lose tokens or counts, in words for the operator. */
  warnings?(): Promise<string[]>;
  /**
   * Calls back with every account whose generation another process has raised; absent where a store cannot tell.
   * `mayHaveChanged`: the connection was lost and is back, so news may have been missed and writes lost (a failover),
   * or `check` has found the store emptied.
   */
  watch?(listener: (account: string) => void, mayHaveChanged: () => void): Promise<void>;
  /** Rejects while the store cannot be read, or not be written: proved by a small durable write now and then. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** How often `check` proves by a write that the store can be written, while that goes well. ms. */
export const PROVE_INTERVAL_MS = 10_000;

/**
 * A record is kept under its account's name, or under this one beside it, where a record of somebody else has the name.
 * No account name holds the sign.
 */
const BESIDE_SEPARATOR = '#';

/** The key beside an account's own, for the record of this identity (8 hex digits tell them apart). */
export function keyBeside(account: string, digits: string): string {
  return `${account}${BESIDE_SEPARATOR}${digits}`;
}

/** The account whose record a key holds. */
export function accountOfKey(key: string): string {
  const at = key.indexOf(BESIDE_SEPARATOR);
  return at < 0 ? key : key.slice(0, at);
}

/** Why a store could not be opened or used; `message` is for the operator, and holds no secret. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
}

/**
 * One record cannot be opened. The store works, and so do all other accounts: this concerns the record's own account
 * only.
 */
export class RecordError extends StoreError {
  override readonly name = 'RecordError';
}

/** The RecordError for a row whose outer form is not what a store writes. */
export function damaged(kind: StoredKind, name: string, key: string): RecordError {
  const what = {
    record: `The record of account ${accountOfKey(name)}`,
    lease: `The lease of account ${accountOfKey(name)}`,
    budget: `The count of logins ${name}`,
  }[kind];
  return new RecordError(`${what} (${key} in the store) is damaged or not of this program. It was left as it is.`);
}
