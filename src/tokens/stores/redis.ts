import { randomBytes } from 'node:crypto';
import { StoreError, type Debit, type StoredRecord, type TokenStore } from '../store.ts';
import { Connection, reason } from './redis-connection.ts';
import { describePlace, lineOpener, type RedisAccess } from './redis-lines.ts';

export interface RedisOptions extends RedisAccess {
  readonly keyPrefix: string;
  /** Milliseconds after which a command counts as failed; it may have been carried out all the same. */
  readonly commandTimeout: number;
  /** Replicas that must have a new record before it counts as written; waited for within `commandTimeout`. */
  readonly waitReplicas: number;
}

/*
 * Each script is one atomic step on keys of one account, which share a hash tag so that a Cluster keeps them together.
 * Times come from the caller: his clock also decides about the token, and two clocks would be one too many.
 */

const REPLACE = `
local revision = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
local generation = tonumber(redis.call('HGET', KEYS[1], 'generation') or '0')
if revision ~= tonumber(ARGV[1]) or generation > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'generation', ARGV[3], 'sealed', ARGV[4])
if generation ~= tonumber(ARGV[3]) then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return 1`;

const ACQUIRE = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

const DEBIT = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', tonumber(ARGV[1]) - tonumber(ARGV[2]))
local used = redis.call('ZCARD', KEYS[1])
local granted = 0
if used < tonumber(ARGV[3]) then
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[4])
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  granted = 1
  used = used + 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { granted, used, oldest[2] or '' }`;

/** The store for several hosts: Redis, with Sentinel or as a Cluster if wanted. It holds sealed records only. */
export class RedisStore implements TokenStore {
  readonly #connection: Connection;
  readonly #options: RedisOptions;
  readonly #reopened: { tell: () => void };
  #closed = false;
  #mark: string | undefined;

  private constructor(connection: Connection, options: RedisOptions, reopened: { tell: () => void }) {
    this.#connection = connection;
    this.#options = options;
    this.#reopened = reopened;
  }

  /** Connects. Rejects with a StoreError that names the place, never a password. */
  static async open(options: RedisOptions): Promise<RedisStore> {
    const reopened = { tell: () => undefined };
    let connection: Connection | undefined;
    try {
      connection = await Connection.start(lineOpener(options), () => reopened.tell());
      const store = new RedisStore(connection, options, reopened);
      await store.check();
      return store;
    } catch (error) {
      connection?.close();
      throw new StoreError(`Redis at ${describePlace(options.place)} cannot be used: ${reason(error)}.`);
    }
  }

  async read(account: string): Promise<StoredRecord | undefined> {
    const key = this.#key(account, 'record');
    const [revision, generation, sealed] = (await this.#send(key, ['HMGET', key, 'revision', 'generation', 'sealed'])) as [string | null, string | null, string | null];
    if (revision === null && generation === null && sealed === null) return undefined;
    if (!/^\d+$/.test(revision ?? '') || !/^\d+$/.test(generation ?? '') || sealed === null) throw new StoreError('A stored record is not of this program. It was left as it is.');
    return { revision: Number(revision), generation: Number(generation), sealed: Buffer.from(sealed, 'base64') };
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    const written = await this.#script(REPLACE, this.#key(account, 'record'), [String(expected), String(next.revision), String(next.generation), next.sealed.toString('base64'), this.#channel, account]);
    const { waitReplicas, commandTimeout } = this.#options;
    // As durable as a failover needs it; too few replicas in time is no failure, the record is on the master.
    if (written === 1 && waitReplicas > 0) await this.#send(this.#key(account, 'record'), ['WAIT', String(waitReplicas), String(Math.floor(commandTimeout / 2))]);
    return written === 1;
  }

  async acquireLease(account: string, owner: string, ttl: number): Promise<boolean> {
    return (await this.#script(ACQUIRE, this.#key(account, 'lease'), [owner, String(ttl)])) === 1;
  }

  async releaseLease(account: string, owner: string): Promise<void> {
    await this.#script(RELEASE, this.#key(account, 'lease'), [owner]);
  }

  async debit(budget: string, now: number, window: number, limit: number): Promise<Debit> {
    // Two logins in one millisecond are two members.
    const member = `${now}-${Math.random().toString(36).slice(2)}`;
    const [granted, used, oldest] = (await this.#script(DEBIT, this.#key(budget, 'budget'), [String(now), String(window), String(limit), member])) as [number, number, string];
    return { granted: granted === 1, used, oldest: oldest === '' ? undefined : Number(oldest) };
  }

  async used(budget: string, now: number, window: number): Promise<Omit<Debit, 'granted'>> {
    const entries = (await this.#entries(budget)).filter((at) => at > now - window);
    return { used: entries.length, oldest: entries[0] };
  }

  async accounts(): Promise<string[]> {
    return this.#names('record');
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    const names = await this.#names('budget');
    return Promise.all(names.map(async (budget) => ({ budget, entries: await this.#entries(budget) })));
  }

  async restoreBudget(budget: string, entries: readonly number[], window: number): Promise<void> {
    const key = this.#key(budget, 'budget');
    for (const [index, at] of entries.entries()) await this.#send(key, ['ZADD', key, String(at), `${at}-restored-${index}`]);
    await this.#send(key, ['PEXPIRE', key, String(window)]);
  }

  /** Tells of every account whose generation another process has raised, and of every connection that had to be made anew. */
  async watch(listener: (account: string) => void, mayHaveChanged: () => void): Promise<void> {
    this.#reopened.tell = mayHaveChanged;
    await this.#connection.subscribe(this.#channel, listener, this.#options.commandTimeout);
  }

  /** Besides, looks for the mark that tells this store from an empty one: after a FLUSHALL, say, it is gone or another. */
  async check(): Promise<void> {
    const key = this.#key('mark', 'check');
    const read = async (): Promise<string | null> => (await this.#send(key, ['GET', key])) as string | null;
    let mark = await read();
    if (mark === null) {
      await this.#send(key, ['SET', key, randomBytes(9).toString('base64url'), 'NX']);
      mark = await read();
    }
    const known = this.#mark;
    this.#mark = mark ?? undefined;
    if (known !== undefined && mark !== known) this.#reopened.tell();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  get #channel(): string {
    return `${this.#options.keyPrefix}:generation`;
  }

  /** The braces are a Cluster's hash tag: all keys of one name live on one node. */
  #key(name: string, kind: string): string {
    return `${this.#options.keyPrefix}:${kind}:{${name}}`;
  }

  async #names(kind: string): Promise<string[]> {
    const before = `${this.#options.keyPrefix}:${kind}:{`;
    const keys = await this.#connection.keys(`${before.replace(/[*?[\]\\]/g, '\\$&')}*`, 30_000);
    return keys.map((key) => key.slice(before.length, -1)).sort();
  }

  async #entries(budget: string): Promise<number[]> {
    const key = this.#key(budget, 'budget');
    const flat = (await this.#send(key, ['ZRANGE', key, '0', '-1', 'WITHSCORES'])) as string[];
    return flat.filter((_, index) => index % 2 === 1).map(Number).sort((a, b) => a - b);
  }

  #script(script: string, key: string, args: string[]): Promise<unknown> {
    return this.#send(key, ['EVAL', script, '1', key, ...args]);
  }

  async #send(key: string, args: string[]): Promise<unknown> {
    if (this.#closed) throw new StoreError('The store is closed.');
    return this.#connection.send(key, args, this.#options.commandTimeout);
  }
}
