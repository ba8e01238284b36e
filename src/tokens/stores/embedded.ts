import { chmodSync, closeSync, existsSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import { StoreError, type Debit, type StoredRecord, type TokenStore } from '../store.ts';

const FILE = 'tokens.mdb';
const KEY_FILE = 'store.key';

/** The record as LMDB keeps it: JSON, so that a foreign or torn one is recognised before it is trusted. */
interface StoredForm { revision: number; generation: number; sealed: string }
interface LeaseForm { owner: string; until: number }

export interface EmbeddedOptions {
  /** Says that the process which wrote this lease owner no longer runs, so that its lease need not be waited for. */
  readonly ownerIsGone: (owner: string) => boolean;
  readonly now: () => number;
}

/**
 * The store for one host: LMDB, one memory-mapped file, shared by all processes of the host.
 * `overlappingSync: false` makes every resolved write an fsync'ed one; a renewal writes a handful of times, so it costs nothing that matters.
 */
export class EmbeddedStore implements TokenStore {
  readonly #db: RootDatabase<string, string>;
  readonly #options: EmbeddedOptions;
  #closed = false;

  private constructor(db: RootDatabase<string, string>, options: EmbeddedOptions) {
    this.#db = db;
    this.#options = options;
  }

  /** Opens or makes the store in the folder `path`. Throws a StoreError that names the path and what to do. */
  static open(path: string, options: EmbeddedOptions): EmbeddedStore {
    makeFolder(path);
    const file = join(path, FILE);
    try {
      checkFile(file);
      // Without batching: it would leave a rejected promise of its own behind a failed commit (disk full), which nobody can handle.
      const db = open<string, string>({ path: file, encoding: 'string', overlappingSync: false, eventTurnBatching: false, noSubdir: true, maxReaders: 512 });
      for (const name of [file, `${file}-lock`]) if (existsSync(name)) chmodSync(name, 0o600);
      return new EmbeddedStore(db, options);
    } catch (error) {
      throw new StoreError(`The store in ${path} cannot be opened: ${reason(error)}. If the file is damaged, move ${file} away and keep it; tokenward then logs in anew.`);
    }
  }

  /** Whether there is a store in the folder, so that reading from one that is not there need not make it. */
  static isIn(path: string): boolean {
    return existsSync(join(path, FILE));
  }

  async read(account: string): Promise<StoredRecord | undefined> {
    const text = this.#guard(() => this.#db.get(recordKey(account)));
    return text === undefined ? undefined : parseRecord(text);
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    const key = recordKey(account);
    const text = JSON.stringify({ revision: next.revision, generation: next.generation, sealed: next.sealed.toString('base64') } satisfies StoredForm);
    return this.#write(() => {
      const current = this.#db.get(key);
      const stored = current === undefined ? undefined : parseRecord(current);
      if ((stored?.revision ?? 0) !== expected || (stored?.generation ?? 0) > next.generation) return false;
      this.#db.putSync(key, text);
      return true;
    });
  }

  async acquireLease(account: string, owner: string, ttl: number): Promise<boolean> {
    const key = leaseKey(account);
    return this.#write(() => {
      const text = this.#db.get(key);
      const now = this.#options.now();
      if (text !== undefined) {
        const lease = JSON.parse(text) as LeaseForm;
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
      const text = this.#db.get(key);
      if (text !== undefined && (JSON.parse(text) as LeaseForm).owner === owner) this.#db.removeSync(key);
      return true;
    });
  }

  async debit(budget: string, now: number, window: number, limit: number): Promise<Debit> {
    const key = budgetKey(budget);
    let debit: Debit = { granted: false, used: 0, oldest: undefined };
    await this.#write(() => {
      const entries = this.#entries(key, now, window);
      const granted = entries.length < limit;
      if (granted) {
        entries.push(now);
        this.#db.putSync(key, JSON.stringify(entries));
      }
      debit = { granted, used: entries.length, oldest: entries[0] };
      return true;
    });
    return debit;
  }

  async used(budget: string, now: number, window: number): Promise<Omit<Debit, 'granted'>> {
    const entries = this.#guard(() => this.#entries(budgetKey(budget), now, window));
    return { used: entries.length, oldest: entries[0] };
  }

  async accounts(): Promise<string[]> {
    return this.#guard(() => [...this.#db.getKeys({ start: recordKey(''), end: recordKey('\uffff') })].map((key) => key.slice(recordKey('').length)));
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    return this.#guard(() => [...this.#db.getRange({ start: budgetKey(''), end: budgetKey('\uffff') })].map(({ key, value }) => ({ budget: key.slice(budgetKey('').length), entries: JSON.parse(value) as number[] })));
  }

  async restoreBudget(budget: string, entries: readonly number[], window: number): Promise<void> {
    const key = budgetKey(budget);
    await this.#write(() => {
      const known = this.#entries(key, this.#options.now(), window);
      this.#db.putSync(key, JSON.stringify([...known, ...entries].sort((a, b) => a - b)));
      return true;
    });
  }

  async check(): Promise<void> {
    this.#guard(() => this.#db.get('check'));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#db.close();
  }

  /** Entries in the future (the clock was set back) stay counted: too careful is the cheap mistake here. */
  #entries(key: string, now: number, window: number): number[] {
    const text = this.#db.get(key);
    return text === undefined ? [] : (JSON.parse(text) as number[]).filter((at) => at > now - window).sort((a, b) => a - b);
  }

  async #write(change: () => boolean): Promise<boolean> {
    if (this.#closed) throw new StoreError('The store is closed.');
    try {
      return await this.#db.transaction(change);
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(`The store cannot be written: ${reason((await commitError(error)) ?? error)}.`);
    }
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
 * that whoever copies the whole folder copies the key too.
 */
export function keyBesideStore(path: string): { text: string; created: boolean; file: string } {
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
      return { text, created: true, file };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new StoreError(`The store key ${file} cannot be made: ${reason(error)}.`);
    } finally {
      rmSync(draft, { force: true });
    }
  }
  try {
    return { text: readFileSync(file, 'utf8'), created: false, file };
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

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StoreError(`The store folder ${path} cannot be made: ${reason(error)}. Set store.path to a folder this user may write.`);
  }
}

/** What LMDB says of a commit that failed, from the promise it hides it in: that one has to be handled as well. */
async function commitError(error: unknown): Promise<unknown> {
  const { commitError: hidden } = error as { commitError?: Promise<never> };
  return hidden === undefined ? undefined : Promise.race([hidden.catch((cause: unknown) => cause), new Promise((resolve) => void setImmediate(resolve))]);
}

function parseRecord(text: string): StoredRecord {
  let form: Partial<StoredForm> | null;
  try {
    form = JSON.parse(text) as Partial<StoredForm> | null;
  } catch {
    throw new StoreError('A stored record is damaged. It was left as it is.');
  }
  const { revision, generation, sealed } = form ?? {};
  if (!Number.isSafeInteger(revision) || !Number.isSafeInteger(generation) || typeof sealed !== 'string') throw new StoreError('A stored record is not of this program. It was left as it is.');
  return { revision: revision!, generation: generation!, sealed: Buffer.from(sealed, 'base64') };
}

// LMDB keys end at 1,978 bytes; account names are limited to 200 by the configuration.
const recordKey = (account: string): string => `record/${account}`;
const leaseKey = (account: string): string => `lease/${account}`;
const budgetKey = (budget: string): string => `budget/${budget}`;

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
