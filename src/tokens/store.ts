/** A record as every store keeps it: two plain numbers that a store can compare, the rest sealed. */
export interface StoredRecord {
  /** Counts writes, for compare and set. */
  readonly revision: number;
  /** The token's number; never decreases. */
  readonly generation: number;
  readonly sealed: Buffer;
}

/** The result of a debit. */
export interface Debit {
  readonly granted: boolean;
  /** The counted login, by which it can be taken back: unique within its budget. Wall-clock ms. */
  readonly at: number;
  /** The logins that count now, this one included; oldest first, in ms of the wall clock of `now`. */
  readonly entries: readonly number[];
}

/** The kinds of rows in a store. */
export type StoredKind = 'record' | 'lease' | 'budget';

/**
 * Where tokens outlive the process. One contract for every store; `test/tokens/store-contract.ts` states it. Any method
 * may reject with a StoreError; that never means that another process holds a lease. An error about one row only is a
 * RecordError, which names the row.
 */
export interface TokenStore {
  /**
   * Undefined: no such record. Rejects with a RecordError for one that cannot be read, which must never count as none.
   */
  read(account: string): Promise<StoredRecord | undefined>;
  /**
   * Writes `next` if the stored revision is `expected` (0 = no record yet) and the generation does not go back. Durable
   * once it resolves true.
   */
  replace(account: string, expected: number, next: StoredRecord): Promise<boolean>;
  /** Deletes the account's record and lease, if there are any. */
  remove(account: string): Promise<void>;
  /**
   * Acquires or prolongs the lease: true if `owner` has it now for `ttl` ms. A lease that cannot be read counts as
   * free.
   */
  acquireLease(account: string, owner: string, ttl: number): Promise<boolean>;
  /** Releases the lease, if `owner` still has it. */
  releaseLease(account: string, owner: string): Promise<void>;
  /**
   * Durably counts one login, made at `now` (wall-clock ms of this process), if fewer than `limit` count in the last
   * `window` ms. `ownLogins`: logins that this process has counted before; those the store has lost are added first. A
   * login stops counting only when every clock says that the window has passed, so that a wrong clock makes no room. A
   * row that cannot be read is a RecordError, never a count of zero.
   */
  debit(budget: string, now: number, window: number, limit: number, ownLogins?: readonly number[]): Promise<Debit>;
  /** The logins that count, without adding one. */
  used(budget: string, now: number, window: number, ownLogins?: readonly number[]): Promise<readonly number[]>;
  /** Removes the login `at` of a debit, because it was not made. */
  takeBack(budget: string, at: number): Promise<void>;
  /** The keys that have a record: accounts', and those of the whole installation. */
  accounts(): Promise<string[]>;
  /** The accounts that have a lease, in use or left behind. */
  leased(): Promise<string[]>;
  /** The counted logins, for a copy to another store. */
  budgets(): Promise<{ budget: string; entries: readonly number[] }[]>;
  /** Adds counted logins (wall-clock ms) to a budget, which keeps them for at least `window` ms. */
  restoreBudget(budget: string, entries: readonly number[], window: number): Promise<void>;
  /** Deletes a count of logins. */
  removeBudget(budget: string): Promise<void>;
  /** The whole key of a row, for an operator who searches the store. */
  keyOf?(kind: StoredKind, name: string): string;
  /** Settings of this store that can lose tokens or counts, in words for the operator. */
  warnings?(): Promise<string[]>;
  /**
   * Calls `listener` with every account whose generation another process has raised; absent where a store cannot tell.
   * `mayHaveChanged` is called when the connection was lost and is back, so that messages may have been missed and
   * writes lost (a failover), or when `check` has found the store emptied.
   */
  watch?(listener: (account: string) => void, mayHaveChanged: () => void): Promise<void>;
  /** Rejects while the store cannot be read or written; a small durable write from time to time proves the latter. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Interval between the writes by which `check` proves that the store can be written, while they succeed. ms. */
export const PROVE_INTERVAL_MS = 10_000;

/**
 * Separates an account's name from the digits of an identity, in the key of a record whose account's own key holds a
 * record of another identity. No account name contains it.
 */
const BESIDE_SEPARATOR = '#';

/** The key beside an account's own, for the record of one identity (8 hex digits of its digest). */
export function keyBeside(account: string, digits: string): string {
  return `${account}${BESIDE_SEPARATOR}${digits}`;
}

/** The account whose record a key holds. */
export function accountOfKey(key: string): string {
  const at = key.indexOf(BESIDE_SEPARATOR);
  return at < 0 ? key : key.slice(0, at);
}

/**
 * Begins the key of a record that is no account's, such as the certificate authority's. No account name contains it, so
 * that every store keeps such a record like the others.
 */
const SHARED_MARK = '@';

/** The key of a record that belongs to the whole installation. */
export function sharedKey(name: string): string {
  return `${SHARED_MARK}${name}`;
}

/** False: the record is the whole installation's. */
export function isAccountKey(key: string): boolean {
  return !key.startsWith(SHARED_MARK);
}

/** What a key's record is, for an operator. */
export function nameOfRecord(key: string): string {
  return isAccountKey(key) ? `The record of account ${accountOfKey(key)}` : `The ${key.slice(1)}'s record`;
}

/** Why a store cannot be opened or used; `message` is for the operator and holds no secret. */
export class StoreError extends Error {
  override readonly name: string = 'StoreError';
  /** True: the same may succeed later, without anyone doing anything about this configuration. */
  readonly isTemporary: boolean;

  constructor(message?: string, { isTemporary = false } = {}) {
    super(message);
    this.isTemporary = isTemporary;
  }
}

/** One row cannot be read. The store works, and so do all accounts but the row's own. */
export class RecordError extends StoreError {
  override readonly name = 'RecordError';
}

/** The RecordError for a row that does not have the form a store writes. */
export function damaged(kind: StoredKind, name: string, key: string): RecordError {
  const what = {
    record: nameOfRecord(name),
    lease: `The lease of account ${accountOfKey(name)}`,
    budget: `The count of logins ${name}`,
  }[kind];
  return new RecordError(
    `${what} (${key} in the store) is damaged or was not written by this program. It was left unchanged.`,
  );
}
