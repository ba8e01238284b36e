import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RootDatabase } from 'lmdb';
import type { BootTime } from '../boot-time.ts';
import { systemStoreTimes, type StoreTimes } from '../clock.ts';
import {
  PROVE_INTERVAL_MS,
  StoreError,
  type Debit,
  type StoredKind,
  type StoredRecord,
  type TokenStore,
} from '../store.ts';
import { countingLogins, withoutOld, withSeen } from './counted-logins.ts';
import { missingLogins, readBudget, writeBudget } from './lmdb-budgets.ts';
import { reason } from './file-error.ts';
import { openEmbeddedFile, type EmbeddedFile } from './lmdb-open.ts';
import { commitError, UNKNOWN } from './lmdb-file.ts';
import {
  budgetKey,
  leaseKey,
  notesKey,
  parseLease,
  parseRecord,
  recordKey,
  type LeaseForm,
  type StoredForm,
} from './lmdb-rows.ts';
import { withinWriteDeadline } from './write-deadline.ts';

const FILE = 'tokens.mdb';

export interface EmbeddedOptions {
  /** True: the process with this lease owner no longer runs, so that its lease is free. */
  readonly ownerIsGone: (owner: string) => boolean;
  readonly now: () => number;
  /** A second clock for the counts of logins, which cannot be set; without it the wall clock alone decides. */
  readonly running?: () => BootTime | undefined;
  readonly times?: StoreTimes;
}

/**
 * The store for one host: LMDB, one memory-mapped file, shared by all processes of the host. Every resolved write is
 * fsync'ed; a renewal makes a handful of them, so the cost does not matter.
 */
export class EmbeddedStore implements TokenStore {
  readonly #db: RootDatabase<string, string>;
  readonly #file: EmbeddedFile;
  readonly #inode: string;
  readonly #options: EmbeddedOptions;
  readonly #times: StoreTimes;
  #closed = false;
  /** When a write was last durable, monotonic ms; -Infinity after one that failed. */
  #provedAt = -Infinity;
  #proving: Promise<unknown> | undefined;

  private constructor(file: EmbeddedFile, options: EmbeddedOptions) {
    this.#db = file.db;
    this.#file = file;
    this.#inode = file.inode()!;
    this.#options = options;
    this.#times = options.times ?? systemStoreTimes;
  }

  /** Opens or makes the store in the folder `path`. Throws a StoreError that names the path and what to do. */
  static open(path: string, options: EmbeddedOptions): EmbeddedStore {
    return new EmbeddedStore(openEmbeddedFile(path, join(path, FILE)), options);
  }

  /** The same over a file that is open. */
  static over(file: EmbeddedFile, options: EmbeddedOptions): EmbeddedStore {
    return new EmbeddedStore(file, options);
  }

  /** Whether there is a store in the folder. Opening would make one. */
  static isIn(path: string): boolean {
    return existsSync(join(path, FILE));
  }

  async read(account: string): Promise<StoredRecord | undefined> {
    const text = this.#guard(() => this.#db.get(recordKey(account)));
    return text === undefined ? undefined : parseRecord(text, account);
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    const key = recordKey(account);
    const text = JSON.stringify({
      revision: next.revision,
      generation: next.generation,
      sealed: next.sealed.toString('base64'),
    } satisfies StoredForm);
    return this.#write(() => {
      const current = this.#db.get(key);
      const stored = current === undefined ? undefined : parseRecord(current, account);
      if ((stored?.revision ?? 0) !== expected || (stored?.generation ?? 0) > next.generation) return false;
      this.#db.putSync(key, text);
      return true;
    });
  }

  async remove(account: string): Promise<void> {
    await this.#write(() => {
      this.#db.removeSync(recordKey(account));
      this.#db.removeSync(leaseKey(account));
    });
  }

  async acquireLease(account: string, owner: string, ttl: number): Promise<boolean> {
    const key = leaseKey(account);
    return this.#write(() => {
      const lease = parseLease(this.#db.get(key));
      const now = this.#options.now();
      if (lease !== undefined) {
        // An `until` further away than a lease lasts means that the clock was set back: such a lease is free.
        const held = lease.until > now && lease.until <= now + 2 * ttl;
        if (held && lease.owner !== owner && !this.#options.ownerIsGone(lease.owner)) return false;
      }
      this.#db.putSync(key, JSON.stringify({ owner, until: now + ttl } satisfies LeaseForm));
      return true;
    });
  }

  async releaseLease(account: string, owner: string): Promise<void> {
    const key = leaseKey(account);
    await this.#write(() => {
      if (parseLease(this.#db.get(key))?.owner === owner) this.#db.removeSync(key);
    });
  }

  async debit(
    budget: string,
    now: number,
    window: number,
    limit: number,
    ownLogins: readonly number[] = [],
  ): Promise<Debit> {
    return this.#write(() => {
      const running = this.#options.running?.();
      let { logins, notes } = readBudget(this.#db, budget, running);
      const missing = missingLogins(logins, ownLogins);
      logins = [...logins, ...missing];
      let entries = countingLogins(logins, notes, now, window, running);
      const granted = entries.length < limit;
      let at = now;
      if (granted) {
        // Two logins in one millisecond get different times, so that each can be taken back.
        while (logins.includes(at)) at += 1;
        logins.push(at);
        if (running !== undefined) notes = { ...notes, made: [...notes.made, [at, running.ms]] };
        entries = countingLogins(logins, notes, now, window, running);
      }
      const hasNewNotes = running !== undefined && withSeen(logins, notes, now, running) !== notes;
      if (granted || missing.length > 0 || hasNewNotes)
        writeBudget(
          this.#db,
          budget,
          withoutOld(
            logins.sort((a, b) => a - b),
            notes,
            now,
            window,
            running,
            limit,
          ),
          notes,
          now,
          running,
        );
      return { granted, at, entries };
    });
  }

  async used(
    budget: string,
    now: number,
    window: number,
    ownLogins: readonly number[] = [],
  ): Promise<readonly number[]> {
    const running = this.#options.running?.();
    const { logins, notes } = this.#guard(() => readBudget(this.#db, budget, running));
    const missing = missingLogins(logins, ownLogins);
    if (missing.length > 0) await this.restoreBudget(budget, missing);
    return countingLogins([...logins, ...missing], notes, now, window, running);
  }

  async takeBack(budget: string, at: number): Promise<void> {
    await this.#write(() => {
      const running = this.#options.running?.();
      const { logins, notes } = readBudget(this.#db, budget, running);
      const index = logins.indexOf(at);
      if (index >= 0)
        writeBudget(
          this.#db,
          budget,
          logins.filter((_, other) => other !== index),
          notes,
          this.#options.now(),
          running,
        );
    });
  }

  async accounts(): Promise<string[]> {
    return this.#names('record');
  }

  async leased(): Promise<string[]> {
    return this.#names('lease');
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    return this.#names('budget').map((budget) => ({
      budget,
      entries: this.#guard(() => readBudget(this.#db, budget, undefined).logins),
    }));
  }

  async restoreBudget(budget: string, entries: readonly number[]): Promise<void> {
    await this.#write(() => {
      const running = this.#options.running?.();
      const { logins, notes } = readBudget(this.#db, budget, running);
      writeBudget(
        this.#db,
        budget,
        [...logins, ...entries].sort((a, b) => a - b),
        notes,
        this.#options.now(),
        running,
      );
    });
  }

  async removeBudget(budget: string): Promise<void> {
    await this.#write(() => {
      this.#db.removeSync(budgetKey(budget));
      this.#db.removeSync(notesKey(budget));
    });
  }

  keyOf(kind: StoredKind, name: string): string {
    return `${kind}/${name}`;
  }

  async check(): Promise<void> {
    this.#guard(() => this.#db.get('check'));
    this.#requireSameFile();
    if (this.#times.monotonic() - this.#provedAt < PROVE_INTERVAL_MS) return;
    this.#proving ??= this.#write(() => this.#db.putSync('check', String(Date.now()))).finally(
      () => (this.#proving = undefined),
    );
    await withinWriteDeadline(this.#proving, this.#times);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.probe.close();
    await this.#db.close();
  }

  #names(kind: StoredKind): string[] {
    const prefix = `${kind}/`;
    return this.#guard(() =>
      [...this.#db.getKeys({ start: prefix, end: `${prefix}\uffff` })].map((key) => key.slice(prefix.length)),
    );
  }

  async #write<T>(change: () => T): Promise<T> {
    if (this.#closed) throw new StoreError('The store is closed.');
    this.#requireSameFile();
    let result: T;
    let probed = false;
    try {
      await this.#file.probe.write();
      probed = true;
      await this.#db.transaction(() => {
        result = change();
      });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (probed) this.#file.probe.requireRoomCheck();
      this.#provedAt = -Infinity;
      throw new StoreError(`The store cannot be written: ${reason((await commitError(error)) ?? error)}.`);
    }
    this.#provedAt = this.#times.monotonic();
    return result!;
  }

  /**
   * Throws if the open file is no longer the one at its path: what is written to it would be lost with this process.
   */
  #requireSameFile(): void {
    const inode = this.#file.inode();
    if (inode === this.#inode || inode === UNKNOWN) return;
    this.#provedAt = -Infinity;
    throw new StoreError(
      `The store's file ${this.#file.path} was ${inode === undefined ? 'removed' : 'replaced by another one'} ` +
        'while tokenward was using it, so nothing can be stored. Restore it, or restart tokenward.',
    );
  }

  #guard<T>(read: () => T): T {
    if (this.#closed) throw new StoreError('The store is closed.');
    try {
      // LMDB's binding keeps one snapshot until the next turn of the event loop. After a lease is acquired, its last
      // holder's writes must be visible.
      this.#db.resetReadTxn();
      return read();
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(`The store cannot be read: ${reason(error)}.`);
    }
  }
}
