import { createClient, createCluster, createSentinel } from 'redis';
import { StoreError, type Debit, type StoredRecord, type TokenStore } from '../store.ts';

/** Where Redis is: one server, a master found by Sentinel, or a Cluster. */
export type RedisPlace =
  | { readonly kind: 'single'; readonly url: string }
  | { readonly kind: 'sentinel'; readonly name: string; readonly nodes: readonly HostPort[]; readonly password: string | undefined }
  | { readonly kind: 'cluster'; readonly nodes: readonly HostPort[] };

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface RedisOptions {
  readonly place: RedisPlace;
  /** ACL user. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Undefined: no TLS (unless a rediss:// URL says so). */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
  readonly keyPrefix: string;
  /** Milliseconds after which a command counts as failed; it may have been carried out all the same. */
  readonly commandTimeout: number;
  /** Replicas that must have a new record before it counts as written; waited for within `commandTimeout`. */
  readonly waitReplicas: number;
}

/** The commands of one place, all the same to the store. */
interface Commands {
  send(key: string, args: string[]): Promise<unknown>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  keys(pattern: string): Promise<string[]>;
  close(): void;
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
  readonly #commands: Commands;
  readonly #options: RedisOptions;
  #closed = false;

  private constructor(commands: Commands, options: RedisOptions) {
    this.#commands = commands;
    this.#options = options;
  }

  /** Connects. Rejects with a StoreError that names the place, never a password. */
  static async open(options: RedisOptions): Promise<RedisStore> {
    try {
      const store = new RedisStore(await connect(options), options);
      await store.check();
      return store;
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(`Redis at ${describe(options.place)} cannot be used: ${reason(error)}.`);
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

  /** Tells of every account whose generation another process has raised. */
  async watch(listener: (account: string) => void): Promise<void> {
    await this.#commands.subscribe(this.#channel, listener);
  }

  async check(): Promise<void> {
    const key = this.#key('check', 'check');
    await this.#send(key, ['GET', key]);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#commands.close();
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
    const keys = await this.#bounded(this.#commands.keys(`${before.replace(/[*?[\]\\]/g, '\\$&')}*`), 30_000);
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
    return this.#bounded(this.#commands.send(key, args), this.#options.commandTimeout);
  }

  async #bounded<T>(command: Promise<T>, milliseconds: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new StoreError(`Redis did not answer within ${milliseconds} ms.`)), milliseconds);
    });
    // An answer after the deadline is nobody's any more.
    command.catch(() => undefined);
    try {
      return await Promise.race([command, late]);
    } catch (error) {
      throw error instanceof StoreError ? error : new StoreError(`Redis refused or lost a command: ${reason(error)}.`);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function connect({ place, username, password, tls }: RedisOptions): Promise<Commands> {
  const socket = { connectTimeout: 5_000, ...(tls && { tls: true as const, ...tls }), reconnectStrategy: (tries: number) => Math.min(2_000, 50 * 2 ** Math.min(tries, 6)) };
  // No queue while the connection is down: a command that cannot be sent has failed, and must not be carried out minutes later. RESP 2: flat answers, the same on every server.
  const common = { RESP: 2 as const, disableOfflineQueue: true, ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
  // Errors of a connection show in the commands that fail; without a listener Node would end the process.
  const ignore = (): void => undefined;
  const started = async <T extends { connect(): Promise<unknown>; destroy(): unknown; on(event: 'error', listener: (error: unknown) => void): unknown }>(client: T): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      let why = 'no answer';
      const give = (): void => reject(new StoreError(`Redis at ${describe(place)} cannot be used: ${why}.`));
      timer = setTimeout(give, 6_000);
      // The client tries again for ever; who is not let in today will not be let in by trying.
      client.on('error', (error) => {
        why = reason(error);
        if (/^(WRONGPASS|NOAUTH|NOPERM)$/.test(why)) give();
      });
    });
    late.catch(() => undefined);
    try {
      await Promise.race([client.connect(), late]);
      return client;
    } catch (error) {
      try {
        await client.destroy();
      } catch {
        // It was never open.
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };

  if (place.kind === 'single') {
    const client = await started(createClient({ ...common, url: place.url, socket }).on('error', ignore));
    const subscriber = client.duplicate({ disableOfflineQueue: false }).on('error', ignore);
    return {
      send: (_, args) => client.sendCommand(args),
      async subscribe(channel, listener) {
        await subscriber.connect();
        await subscriber.subscribe(channel, listener);
      },
      keys: (pattern) => scan((cursor) => client.sendCommand(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'])),
      close() {
        client.destroy();
        if (subscriber.isOpen) subscriber.destroy();
      },
    };
  }
  if (place.kind === 'sentinel') {
    const sentinel = await started(createSentinel({
      name: place.name,
      sentinelRootNodes: [...place.nodes],
      nodeClientOptions: { ...common, socket },
      sentinelClientOptions: { ...(place.password !== undefined && { password: place.password }), socket },
      scanInterval: 1_000,
      maxCommandRediscovers: 2,
      RESP: 2,
    }).on('error', ignore));
    return {
      send: (_, args) => sentinel.sendCommand(false, args),
      async subscribe(channel, listener) {
        await sentinel.subscribe(channel, listener);
      },
      keys: (pattern) => scan((cursor) => sentinel.sendCommand(false, ['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'])),
      close() {
        void sentinel.destroy();
      },
    };
  }
  const cluster = await started(createCluster({ rootNodes: place.nodes.map((node) => ({ socket: { ...node, ...socket } })), defaults: { ...common, socket }, RESP: 2 }).on('error', ignore));
  return {
    send: (key, args) => cluster.sendCommand(key, false, args),
    async subscribe(channel, listener) {
      await cluster.subscribe(channel, listener);
    },
    async keys(pattern) {
      const found = await Promise.all(cluster.masters.map(async (master) => {
        const node = await cluster.nodeClient(master);
        return scan((cursor) => node.sendCommand(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000']));
      }));
      return found.flat();
    },
    close() {
      cluster.destroy();
    },
  };
}

async function scan(step: (cursor: string) => Promise<unknown>): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = (await step(cursor)) as [string, string[]];
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found];
}

function describe(place: RedisPlace): string {
  if (place.kind === 'single') return new URL(place.url).host;
  return place.nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
}

/** Redis names its refusals by their first word (NOAUTH, READONLY, OOM); the rest may quote what was sent. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  return code ?? /^[A-Z]{2,}/.exec(error.message)?.[0] ?? error.name;
}
