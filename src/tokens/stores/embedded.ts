import { chmodSync, closeSync, existsSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { STORE_WRITE_MS } from '../../deadlines.ts';
import type { BootTime } from '../boot-time.ts';
import { damaged, PROVE_EVERY, StoreError, type Debit, type StoredKind, type StoredRecord, type TokenStore } from '../store.ts';
import { countingLogins, parseLogins, parseNotes, withoutOld, withSeen, type BootNotes } from './counted-logins.ts';
import { DiskProbe } from './disk-probe.ts';
import { keepLmdbOffTheConsole } from './lmdb-console.ts';

const FILE = 'tokens.mdb';
const KEY_FILE = 'store.key';

/** The record as LMDB keeps it: JSON, so that a foreign or torn one is recognised before it is trusted. */
interface StoredForm { revision: number; generation: number; sealed: string }
interface LeaseForm { owner: string; until: number }

export interface EmbeddedOptions {
  /** Says that the process which wrote this lease owner no longer runs, so that its lease need not be waited for. */
  readonly ownerIsGone: (owner: string) => boolean;
  readonly now: () => number;
  /** A second clock for the counts of logins, which nobody can set; without it the caller's alone decides. */
  readonly running?: () => BootTime | undefined;
}

/**
 * The store for one host: LMDB, one memory-mapped file, shared by all processes of the host.
 * `overlappingSync: false` makes every resolved write an fsync'ed one; a renewal writes a handful of times, so it costs nothing that matters.
 */
export class EmbeddedStore implements TokenStore {
  readonly #db: RootDatabase<string, string>;
  readonly #file: string;
  readonly #inode: string;
  readonly #probe: DiskProbe;
  readonly #options: EmbeddedOptions;
  #closed = false;
  /** performance.now() of the last write that is certainly on the disk; -Infinity after one that failed. */
  #provedAt = -Infinity;
  #proving: Promise<unknown> | undefined;

  private constructor(db: RootDatabase<string, string>, file: string, options: EmbeddedOptions) {
    this.#db = db;
    this.#file = file;
    this.#inode = inodeOf(file)!;
    this.#probe = new DiskProbe(`${file}-probe`);
    this.#options = options;
  }

  /** Opens or makes the store in the folder `path`. Throws a StoreError that names the path and what to do. */
  static open(path: string, options: EmbeddedOptions): EmbeddedStore {
    makeFolder(path);
    keepLmdbOffTheConsole();
    const file = join(path, FILE);
    let db: RootDatabase<string, string>;
    try {
      checkFile(file);
      // Without batching: it would leave a rejected promise of its own behind a failed commit (disk full), which nobody can handle.
      db = open<string, string>({ path: file, encoding: 'string', overlappingSync: false, eventTurnBatching: false, noSubdir: true, maxReaders: 512 });
      for (const name of [file, `${file}-lock`]) if (existsSync(name)) chmodSync(name, 0o600);
      syncFolder(path);
    } catch (error) {
      throw new StoreError(`The store in ${path} cannot be opened: ${reason(error)}. If the file is damaged, move ${file} away and keep it; tokenward then logs in anew.`);
    }
    try {
      db.get('check');
    } catch {
      // LMDB locks the byte of its process number for as long as it runs, and gives up after ten seconds.
      void db.close();
      throw new StoreError(`The store in ${path} is in use by another process that has the same number as this one (${process.pid}): in another container, or another PID namespace. Processes that share a store must see each other. Give each container a folder of its own, let them share one PID namespace, or use Redis.`);
    }
    try {
      return new EmbeddedStore(db, file, options);
    } catch (error) {
      void db.close();
      throw new StoreError(`The store in ${path} cannot be written: ${reason(error)}.`);
    }
  }

  /** Whether there is a store in the folder, so that reading from one that is not there need not make it. */
  static isIn(path: string): boolean {
    return existsSync(join(path, FILE));
  }

  async read(account: string): Promise<StoredRecord | undefined> {
    const text = this.#guard(() => this.#db.get(recordKey(account)));
    return text === undefined ? undefined : parseRecord(text, account);
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    const key = recordKey(account);
    const text = JSON.stringify({ revision: next.revision, generation: next.generation, sealed: next.sealed.toString('base64') } satisfies StoredForm);
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
        // `until` further away than a lease can be means that the clock was set back: such a lease binds nobody.
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

  async debit(budget: string, now: number, window: number, limit: number, known: readonly number[] = []): Promise<Debit> {
    return this.#write(() => {
      const running = this.#options.running?.();
      let { logins, notes } = this.#row(budget, running);
      const missing = this.#missing(logins, known);
      logins = [...logins, ...missing];
      let entries = countingLogins(logins, notes, now, window, running);
      const granted = entries.length < limit;
      let at = now;
      if (granted) {
        // Two logins in one millisecond are two, and can be told apart.
        while (logins.includes(at)) at += 1;
        logins.push(at);
        if (running !== undefined) notes = { ...notes, made: [...notes.made, [at, running.ms]] };
        entries = countingLogins(logins, notes, now, window, running);
      }
      const unseen = running !== undefined && withSeen(logins, notes, now, running) !== notes;
      if (granted || missing.length > 0 || unseen) this.#putRow(budget, withoutOld(logins.sort((a, b) => a - b), notes, now, window, running, limit), notes, now, running);
      return { granted, at, entries };
    });
  }

  async used(budget: string, now: number, window: number, known: readonly number[] = []): Promise<readonly number[]> {
    const running = this.#options.running?.();
    const { logins, notes } = this.#guard(() => this.#row(budget, running));
    const missing = this.#missing(logins, known);
    if (missing.length > 0) await this.restoreBudget(budget, missing);
    return countingLogins([...logins, ...missing], notes, now, window, running);
  }

  async takeBack(budget: string, at: number): Promise<void> {
    await this.#write(() => {
      const running = this.#options.running?.();
      const { logins, notes } = this.#row(budget, running);
      const index = logins.indexOf(at);
      if (index >= 0) this.#putRow(budget, logins.filter((_, other) => other !== index), notes, this.#options.now(), running);
    });
  }

  async accounts(): Promise<string[]> {
    return this.#names('record');
  }

  async leased(): Promise<string[]> {
    return this.#names('lease');
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    return this.#names('budget').map((budget) => ({ budget, entries: this.#guard(() => this.#row(budget, undefined).logins) }));
  }

  async restoreBudget(budget: string, entries: readonly number[]): Promise<void> {
    await this.#write(() => {
      const running = this.#options.running?.();
      const { logins, notes } = this.#row(budget, running);
      this.#putRow(budget, [...logins, ...entries].sort((a, b) => a - b), notes, this.#options.now(), running);
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
    this.#stillThere();
    if (performance.now() - this.#provedAt < PROVE_EVERY) return;
    this.#proving ??= this.#write(() => this.#db.putSync('check', String(Date.now()))).finally(() => (this.#proving = undefined));
    await withPatience(this.#proving);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#probe.close();
    await this.#db.close();
  }

  /** A count of logins with what the running time says of them. Throws a RecordError on one that cannot be read: it must not count as none. */
  #row(budget: string, running: BootTime | undefined): { logins: number[]; notes: BootNotes } {
    const text = this.#db.get(budgetKey(budget));
    const logins = text === undefined ? [] : parseLogins(text);
    if (logins === undefined) throw damaged('budget', budget, budgetKey(budget));
    return { logins, notes: parseNotes(this.#db.get(notesKey(budget)), running) };
  }

  #missing(logins: readonly number[], known: readonly number[]): number[] {
    return known.filter((at) => !logins.includes(at));
  }

  #putRow(budget: string, logins: readonly number[], notes: BootNotes, now: number, running: BootTime | undefined): void {
    this.#db.putSync(budgetKey(budget), JSON.stringify(logins));
    if (running === undefined) return;
    // Beside the row, not in it: an earlier version reads the row as a list of numbers.
    this.#db.putSync(notesKey(budget), JSON.stringify(withSeen(logins, notes, now, running)));
  }

  #names(kind: StoredKind): string[] {
    const before = `${kind}/`;
    return this.#guard(() => [...this.#db.getKeys({ start: before, end: `${before}\uffff` })].map((key) => key.slice(before.length)));
  }

  async #write<T>(change: () => T): Promise<T> {
    if (this.#closed) throw new StoreError('The store is closed.');
    this.#stillThere();
    let result: T;
    let asked = false;
    try {
      await this.#probe.write();
      asked = true;
      await this.#db.transaction(() => {
        result = change();
      });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (asked) this.#probe.distrust();
      this.#provedAt = -Infinity;
      throw new StoreError(`The store cannot be written: ${reason((await commitError(error)) ?? error)}.`);
    }
    this.#provedAt = performance.now();
    return result!;
  }

  /** Throws if the file that is open is not the one that would be opened: whatever is written to it is lost with this process. */
  #stillThere(): void {
    const inode = inodeOf(this.#file);
    if (inode === this.#inode || inode === UNKNOWN) return;
    this.#provedAt = -Infinity;
    throw new StoreError(`The store's file ${this.#file} was ${inode === undefined ? 'removed' : 'replaced by another one'} while tokenward was using it, so nothing can be kept. Put it back, or restart tokenward.`);
  }

  #guard<T>(read: () => T): T {
    if (this.#closed) throw new StoreError('The store is closed.');
    try {
      // LMDB's binding keeps one snapshot until the next turn of the event loop. Who has just been given a lease must see what its last holder wrote.
      this.#db.resetReadTxn();
      return read();
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(`The store cannot be read: ${reason(error)}.`);
    }
  }
}

/** Whether a key lies beside the store. */
export function hasKeyBeside(path: string): boolean {
  return existsSync(join(path, KEY_FILE));
}

/**
 * The key beside the store, made on first use with mode 0600. `created` says so, because the operator should hear
 * that whoever copies the whole folder copies the key too; `exposed`, that others on this host could read it until now.
 */
export function keyBesideStore(path: string): { text: string; created: boolean; exposed: boolean; file: string } {
  makeFolder(path);
  const file = join(path, KEY_FILE);
  if (!existsSync(file)) {
    const draft = `${file}.${randomBytes(6).toString('hex')}`;
    const text = randomBytes(32).toString('base64');
    try {
      const fd = openSync(draft, 'wx', 0o600);
      writeSync(fd, `${text}\n`);
      fsyncSync(fd);
      closeSync(fd);
      // A link appears whole or not at all, and only for the first of several starting processes.
      linkSync(draft, file);
      syncFolder(path);
      return { text, created: true, exposed: false, file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new StoreError(`The store key ${file} cannot be made: ${reason(error)}.`);
    } finally {
      rmSync(draft, { force: true });
    }
  }
  try {
    const exposed = (statSync(file).mode & 0o077) !== 0;
    // Of another owner it cannot be changed, but said all the same.
    if (exposed) attempt(() => chmodSync(file, 0o600));
    return { text: readFileSync(file, 'utf8'), created: false, exposed, file };
  } catch (error) {
    throw new StoreError(`The store key ${file} cannot be read: ${reason(error)}.`);
  }
}

/** Where LMDB keeps what in a meta page, in bytes; the first two pages of a file are such pages. */
const META = { magic: 24, version: 28, pageSize: 48, freeRoot: 88, root: 136, transaction: 152, length: 168 } as const;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * Throws if a file that is there is none of LMDB's, or was cut off: opened as one it would take the whole process down
 * with a segmentation fault, and nobody would be told why. An empty file is as good as none.
 */
function checkFile(file: string): void {
  if (!existsSync(file)) return;
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return;
    const page = (at: number): Buffer => {
      const bytes = Buffer.alloc(META.length);
      if (readSync(fd, bytes, 0, META.length, at) < META.length) throw new Error('the file is cut off');
      if (bytes.readUInt32LE(META.magic) !== MAGIC || (bytes.readUInt32LE(META.version) & 0xffff) !== VERSION) throw new Error('the file is not a store of this program');
      return bytes;
    };
    const first = page(0);
    const pageSize = first.readUInt32LE(META.pageSize);
    const second = page(pageSize);
    const newest = second.readBigUInt64LE(META.transaction) > first.readBigUInt64LE(META.transaction) ? second : first;
    for (const root of [newest.readBigUInt64LE(META.freeRoot), newest.readBigUInt64LE(META.root)]) {
      if (root !== NO_PAGE && (root + 1n) * BigInt(pageSize) > BigInt(size)) throw new Error('the file is cut off');
    }
  } finally {
    closeSync(fd);
  }
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // As it was.
  }
}

function makeFolder(path: string): void {
  try {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    // A folder outlives a power failure when the one that holds its name has been synced: so for each that is new.
    for (let made = resolve(path); first !== undefined && made.length >= resolve(first).length; made = dirname(made)) syncFolder(dirname(made));
  } catch (error) {
    throw new StoreError(`The store folder ${path} cannot be made: ${reason(error)}. Set store.path to a folder this user may write.`);
  }
}

/** Makes durable which names a folder holds. A system that cannot sync a folder has its own ways. */
function syncFolder(path: string): void {
  let folder: number;
  try {
    folder = openSync(path, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(folder);
  } catch (error) {
    if (!['EINVAL', 'EPERM', 'ENOTSUP', 'EBADF'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    closeSync(folder);
  }
}

const UNKNOWN = 'unknown';

/** Tells one file from another; undefined if there is none. A look that fails otherwise says nothing against the file. */
function inodeOf(file: string): string | undefined {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return `${dev}/${ino}`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? undefined : UNKNOWN;
  }
}

/** The promise, or a StoreError when it takes too long. */
async function withPatience<T>(write: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreError(`The store cannot be written: a write has not ended within ${STORE_WRITE_MS / 1000} s. Another process may hold its lock.`)), STORE_WRITE_MS);
  });
  try {
    return await Promise.race([write, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What LMDB says of a commit that failed, from the promise it hides it in: that one has to be handled as well. */
async function commitError(error: unknown): Promise<unknown> {
  const { commitError: hidden } = error as { commitError?: Promise<never> };
  return hidden === undefined ? undefined : Promise.race([hidden.catch((cause: unknown) => cause), new Promise((resolve) => void setImmediate(resolve))]);
}

function parseRecord(text: string, account: string): StoredRecord {
  let form: Partial<StoredForm> | null = null;
  try {
    form = JSON.parse(text) as Partial<StoredForm> | null;
  } catch {
    // Said below.
  }
  const { revision, generation, sealed } = form ?? {};
  if (!isCount(revision) || !isCount(generation) || typeof sealed !== 'string') throw damaged('record', account, recordKey(account));
  return { revision, generation, sealed: Buffer.from(sealed, 'base64') };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Undefined: there is none, or one that nobody can read, which nobody can hold either. */
function parseLease(text: string | undefined): LeaseForm | undefined {
  try {
    const { owner, until } = JSON.parse(text ?? '{}') as Partial<LeaseForm>;
    return typeof owner === 'string' && typeof until === 'number' ? { owner, until } : undefined;
  } catch {
    return undefined;
  }
}

// LMDB keys end at 1,978 bytes; account names are limited to 200 by the configuration.
const recordKey = (account: string): string => `record/${account}`;
const leaseKey = (account: string): string => `lease/${account}`;
const budgetKey = (budget: string): string => `budget/${budget}`;
const notesKey = (budget: string): string => `budget-notes/${budget}`;

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
