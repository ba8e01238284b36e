import { randomBytes } from 'node:crypto';
import { systemStoreTimes, type StoreTimes } from '../clock.ts';
import {
  accountOfKey,
  damaged,
  PROVE_INTERVAL_MS,
  StoreError,
  type Debit,
  type StoredKind,
  type StoredRecord,
  type TokenStore,
} from '../store.ts';
import { Connection, isFinal, reason, type OpenSession } from './redis-connection.ts';
import { ACQUIRE, DEBIT, RELEASE, REPLACE, TAKE_BACK, USED } from './redis-scripts.ts';
import { describePlace, sessionOpener, type RedisAccess } from './redis-topology.ts';

export interface RedisOptions extends RedisAccess {
  readonly keyPrefix: string;
  /** Milliseconds after which a command counts as failed; it may still be carried out. */
  readonly commandTimeout: number;
  /** How many Redis replicas a write waits for, within `commandTimeout`. */
  readonly waitReplicas: number;
}

/** What a simulation puts in the place of the network and the clock. */
export interface RedisDependencies {
  readonly open: OpenSession;
  readonly times: StoreTimes;
}

/** The store for several hosts: Redis, alone, with Sentinel or as a Cluster. It holds sealed records only. */
export class RedisStore implements TokenStore {
  readonly #connection: Connection;
  readonly #options: RedisOptions;
  readonly #reopened: { notify: () => void };
  readonly #times: StoreTimes;
  #closed = false;
  #mark: string | undefined;
  /** When a write of `check` last succeeded, monotonic ms; -Infinity after one that failed. */
  #provedAt = -Infinity;

  private constructor(
    connection: Connection,
    options: RedisOptions,
    reopened: { notify: () => void },
    times: StoreTimes,
  ) {
    this.#times = times;
    this.#connection = connection;
    this.#options = options;
    this.#reopened = reopened;
  }

  /** Connects. Rejects with a StoreError that names the place, never a password. */
  static async open(
    options: RedisOptions,
    { open, times }: RedisDependencies = { open: sessionOpener(options), times: systemStoreTimes },
  ): Promise<RedisStore> {
    const reopened = { notify: () => undefined };
    let connection: Connection | undefined;
    try {
      connection = await Connection.start(open, () => reopened.notify(), times);
      const store = new RedisStore(connection, options, reopened, times);
      await store.#checkMark();
      return store;
    } catch (error) {
      connection?.close();
      const why = reason(error);
      const isTemporary = error instanceof StoreError ? error.isTemporary : !isFinal(why);
      throw new StoreError(`Redis at ${describePlace(options.place)} cannot be used: ${why}.`, { isTemporary });
    }
  }

  async read(account: string): Promise<StoredRecord | undefined> {
    const key = this.#key(account, 'record');
    const reply = await this.#send(key, ['HMGET', key, 'revision', 'generation', 'sealed']).catch((error: unknown) => {
      throw error instanceof StoreError && error.message.endsWith(' WRONGTYPE.')
        ? damaged('record', account, key)
        : error;
    });
    const [revision, generation, sealed] = reply as [string | null, string | null, string | null];
    if (revision === null && generation === null && sealed === null) return undefined;
    if (!isCount(revision) || !isCount(generation) || sealed === null) throw damaged('record', account, key);
    return { revision: Number(revision), generation: Number(generation), sealed: Buffer.from(sealed, 'base64') };
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    const key = this.#key(account, 'record');
    const written = await this.#script(REPLACE, key, [
      String(expected),
      String(next.revision),
      String(next.generation),
      next.sealed.toString('base64'),
      this.#channel,
      accountOfKey(account),
    ]);
    if (written === -1) throw damaged('record', account, key);
    if (written === 1) await this.#waitForReplicas(key);
    return written === 1;
  }

  async remove(account: string): Promise<void> {
    const key = this.#key(account, 'record');
    await this.#send(key, ['DEL', key, this.#key(account, 'lease')]);
  }

  async acquireLease(account: string, owner: string, ttl: number): Promise<boolean> {
    return (await this.#script(ACQUIRE, this.#key(account, 'lease'), [owner, String(ttl)])) === 1;
  }

  async releaseLease(account: string, owner: string): Promise<void> {
    await this.#script(RELEASE, this.#key(account, 'lease'), [owner]);
  }

  async debit(
    budget: string,
    now: number,
    window: number,
    limit: number,
    ownLogins: readonly number[] = [],
  ): Promise<Debit> {
    const key = this.#key(budget, 'budget');
    const [granted, at, ...entries] = await this.#count(DEBIT, budget, [
      now,
      window,
      memberSuffix(),
      limit,
      ...ownLogins,
    ]);
    if (granted === 1) await this.#waitForReplicas(key);
    return { granted: granted === 1, at: at!, entries };
  }

  async used(
    budget: string,
    now: number,
    window: number,
    ownLogins: readonly number[] = [],
  ): Promise<readonly number[]> {
    return this.#count(USED, budget, [now, window, memberSuffix(), ...ownLogins]);
  }

  async takeBack(budget: string, at: number): Promise<void> {
    const key = this.#key(budget, 'budget');
    if ((await this.#script(TAKE_BACK, key, [String(at)])) === -1) throw damaged('budget', budget, key);
  }

  async accounts(): Promise<string[]> {
    return this.#names('record');
  }

  async leased(): Promise<string[]> {
    return this.#names('lease');
  }

  async budgets(): Promise<{ budget: string; entries: readonly number[] }[]> {
    const names = await this.#names('budget');
    return Promise.all(names.map(async (budget) => ({ budget, entries: await this.#entries(budget) })));
  }

  async restoreBudget(budget: string, entries: readonly number[], window: number): Promise<void> {
    const key = this.#key(budget, 'budget');
    for (const [index, at] of entries.entries())
      await this.#send(key, ['ZADD', key, String(at), `${at}-restored-${index}`]);
    await this.#send(key, ['PEXPIRE', key, String(window)]);
  }

  async removeBudget(budget: string): Promise<void> {
    const key = this.#key(budget, 'budget');
    await this.#send(key, ['DEL', key]);
  }

  keyOf(kind: StoredKind, name: string): string {
    return this.#key(name, kind);
  }

  /**
   * A Redis that evicts keys when its memory is full loses the counts of logins first: they are the keys with an
   * expiry.
   */
  async warnings(): Promise<string[]> {
    const { commandTimeout, place } = this.#options;
    let replies: unknown[];
    try {
      replies = await this.#connection.sendToMasters(['INFO', 'memory'], commandTimeout);
    } catch (error) {
      if (!(error instanceof StoreError) || !error.message.endsWith(' NOPERM.')) throw error;
      return [
        `Redis at ${describePlace(place)} does not say whether it evicts keys (its user may not use ` +
          'INFO): make sure that its maxmemory-policy is noeviction',
      ];
    }
    const facts = replies.map((text) => ({
      policy: /^maxmemory_policy:(\S+)/m.exec(String(text))?.[1],
      maxMemory: Number(/^maxmemory:(\d+)/m.exec(String(text))?.[1] ?? 0),
    }));
    const evicting = facts.find(({ policy }) => policy !== undefined && policy !== 'noeviction');
    if (evicting === undefined) return [];
    const when = facts.some(({ policy, maxMemory }) => policy !== 'noeviction' && maxMemory > 0)
      ? 'when its memory is full'
      : 'as soon as maxmemory is set';
    return [
      `Redis at ${describePlace(place)} evicts keys ${when} (maxmemory-policy ${evicting.policy}): ` +
        'tokens and counts of logins are lost, and more logins can be made than the budget allows. Set ' +
        'maxmemory-policy to noeviction',
    ];
  }

  /** Reports every account whose generation another process has raised, and every reconnection. */
  async watch(listener: (account: string) => void, mayHaveChanged: () => void): Promise<void> {
    this.#reopened.notify = mayHaveChanged;
    await this.#connection.subscribe(this.#channel, listener, this.#options.commandTimeout);
  }

  /** Reads, and from time to time proves by a write that Redis takes writes. */
  async check(): Promise<void> {
    await this.#checkMark();
    if (this.#times.monotonic() - this.#provedAt < PROVE_INTERVAL_MS) return;
    this.#provedAt = -Infinity;
    const written = this.#key('written', 'check');
    await this.#send(written, ['SET', written, String(Date.now())]);
    this.#provedAt = this.#times.monotonic();
  }

  /** Reads the mark that tells this store from an emptied one: after a FLUSHALL it is gone or another. */
  async #checkMark(): Promise<void> {
    const key = this.#key('mark', 'check');
    const read = async (): Promise<string | null> => (await this.#send(key, ['GET', key])) as string | null;
    let mark = await read();
    if (mark === null) {
      await this.#send(key, ['SET', key, randomBytes(9).toString('base64url'), 'NX']);
      mark = await read();
    }
    const previous = this.#mark;
    this.#mark = mark ?? undefined;
    if (previous !== undefined && mark !== previous) this.#reopened.notify();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  get #channel(): string {
    return `${this.#options.keyPrefix}:generation`;
  }

  /** The braces are a Cluster's hash tag: all keys of one name are on one node. */
  #key(name: string, kind: string): string {
    return `${this.#options.keyPrefix}:${kind}:{${name}}`;
  }

  async #names(kind: string): Promise<string[]> {
    const prefix = `${this.#options.keyPrefix}:${kind}:{`;
    const keys = await this.#connection.keys(`${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`, 30_000);
    return keys.map((key) => key.slice(prefix.length, -1)).sort();
  }

  /** For failovers. Too few replicas in time is no failure: the master has the write. */
  async #waitForReplicas(key: string): Promise<void> {
    const { waitReplicas, commandTimeout } = this.#options;
    if (waitReplicas > 0) await this.#send(key, ['WAIT', String(waitReplicas), String(Math.floor(commandTimeout / 2))]);
  }

  async #count(script: string, budget: string, args: readonly (number | string)[]): Promise<number[]> {
    const key = this.#key(budget, 'budget');
    const reply = ((await this.#script(script, key, args.map(String))) as (number | string)[]).map(Number);
    if (reply[0] === -1) throw damaged('budget', budget, key);
    return reply;
  }

  async #entries(budget: string): Promise<number[]> {
    const key = this.#key(budget, 'budget');
    const flat = (await this.#send(key, ['ZRANGE', key, '0', '-1', 'WITHSCORES']).catch((error: unknown) => {
      throw error instanceof StoreError && error.message.endsWith(' WRONGTYPE.')
        ? damaged('budget', budget, key)
        : error;
    })) as string[];
    return flat
      .filter((_, index) => index % 2 === 1)
      .map(Number)
      .sort((a, b) => a - b);
  }

  #script(script: string, key: string, args: string[]): Promise<unknown> {
    return this.#send(key, ['EVAL', script, '1', key, ...args]);
  }

  async #send(key: string, args: string[]): Promise<unknown> {
    if (this.#closed) throw new StoreError('The store is closed.');
    return this.#connection.send(key, args, this.#options.commandTimeout);
  }
}

function isCount(text: string | null): text is string {
  return text !== null && /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

/** Makes the logins of two processes in one millisecond two members. */
function memberSuffix(): string {
  return randomBytes(6).toString('base64url');
}
