import { randomBytes } from 'node:crypto';
import { accountOfKey, damaged, PROVE_EVERY, StoreError, type Debit, type StoredKind, type StoredRecord, type TokenStore } from '../store.ts';
import { Connection, reason } from './redis-connection.ts';
import { describePlace, lineOpener, type RedisAccess } from './redis-topology.ts';

export interface RedisOptions extends RedisAccess {
  readonly keyPrefix: string;
  /** Milliseconds after which a command counts as failed; it may have been carried out all the same. */
  readonly commandTimeout: number;
  /** Replicas that must have a new record before it counts as written; waited for within `commandTimeout`. */
  readonly waitReplicas: number;
}

/*
 * Each script is one atomic step on keys of one account, which share a hash tag so that a Cluster keeps them together.
 * A key of another type than ours is damaged: -1 says so, except of a lease, which then holds nobody up.
 */

const REPLACE = `
local record = redis.pcall('HMGET', KEYS[1], 'revision', 'generation')
if record.err then return -1 end
local revision = tonumber(record[1] or '0')
local generation = tonumber(record[2] or '0')
if not revision or not generation or (record[1] and not record[2]) or (record[2] and not record[1]) then return -1 end
if revision ~= tonumber(ARGV[1]) or generation > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'generation', ARGV[3], 'sealed', ARGV[4])
if generation ~= tonumber(ARGV[3]) then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return 1`;

const ACQUIRE = `
local owner = redis.pcall('GET', KEYS[1])
if type(owner) == 'string' and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

const RELEASE = `
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

/*
 * Counting logins: ARGV is the caller's clock, the window, what the script itself wants (AFTER of them), then the logins
 * that the caller knows. A login is noted by whichever clock is ahead, the caller's or Redis's own, and counts until
 * both of them say that the window has passed: one that is wrong makes no room. Where Redis does not tell the time
 * (a user who may not ask), the caller's clock is the only one. A member begins with the time that was first noted, by
 * which its process knows it; its score is the time that counts.
 */
const COUNT = (after: number): string => `
local key, now, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.pcall('TIME')
local own = now
if not time.err then own = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) end
local early, late = math.min(now, own), math.max(now, own)
local flat = redis.pcall('ZRANGE', key, 0, -1, 'WITHSCORES')
if flat.err then return { -1 } end
local logins, has, added = {}, {}, false
for index = 1, #flat, 2 do
  logins[#logins + 1] = tonumber(flat[index + 1])
  has[string.match(flat[index], '^%d+') or ''] = true
end
local function text(number) return string.format('%.0f', number) end
local function keep(at)
  redis.call('ZADD', key, text(at), text(at) .. '-' .. ARGV[3])
  logins[#logins + 1] = at
  has[text(at)] = true
  added = true
end
for index = ${after + 3}, #ARGV do
  local at = tonumber(ARGV[index])
  if at > early - window and not has[text(at)] then keep(at) end
end
local function counting()
  local count = {}
  for _, at in ipairs(logins) do
    if at > early - window then count[#count + 1] = at end
  end
  table.sort(count)
  return count
end
local function finish(count)
  if added then
    -- By Redis's own clock, and so that nothing goes before every clock here says so; a day at least.
    local last = late
    for _, at in ipairs(logins) do last = math.max(last, at) end
    redis.call('PEXPIRE', key, text(math.max(2 * window, 86400000) + last - early))
  end
  -- By the caller's clock, because that is the one he reckons with.
  local answer = {}
  for index, at in ipairs(count) do answer[index] = text(at + now - early) end
  return answer
end`;

const USED = `${COUNT(1)}
return finish(counting())`;

const DEBIT = `${COUNT(2)}
local limit = tonumber(ARGV[4])
local spare = #logins - math.max(100, 2 * limit)
if spare > 0 then
  table.sort(logins)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', text(math.min(logins[spare], early - window)))
end
-- More than a window ahead of both clocks: of a clock that was wrong. Made before now, so it counts from now on.
for index = 2, #flat, 2 do
  if tonumber(flat[index]) > late + window then
    redis.call('ZADD', key, text(late), flat[index - 1])
    added = true
  end
end
local count = counting()
local at, granted = late, 0
if #count < limit then
  while has[text(at)] do at = at + 1 end
  keep(at)
  granted = 1
  count = counting()
end
local answer = finish(count)
table.insert(answer, 1, text(at))
table.insert(answer, 1, granted)
return answer`;

const TAKE_BACK = `
local flat = redis.pcall('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
if flat.err then return -1 end
local found, score
for index = 1, #flat, 2 do
  if string.match(flat[index], '^%d+') == ARGV[1] then found, score = flat[index], flat[index + 1] end
end
if not found then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], score, score)
for index = 1, #flat, 2 do
  if flat[index + 1] == score and flat[index] ~= found then redis.call('ZADD', KEYS[1], score, flat[index]) end
end
return 1`;

/** The store for several hosts: Redis, with Sentinel or as a Cluster if wanted. It holds sealed records only. */
export class RedisStore implements TokenStore {
  readonly #connection: Connection;
  readonly #options: RedisOptions;
  readonly #reopened: { tell: () => void };
  #closed = false;
  #mark: string | undefined;
  /** performance.now() of the last write that `check` has seen done; -Infinity after one that failed. */
  #provedAt = -Infinity;

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
      await store.#look();
      return store;
    } catch (error) {
      connection?.close();
      throw new StoreError(`Redis at ${describePlace(options.place)} cannot be used: ${reason(error)}.`);
    }
  }

  async read(account: string): Promise<StoredRecord | undefined> {
    const key = this.#key(account, 'record');
    const answer = await this.#send(key, ['HMGET', key, 'revision', 'generation', 'sealed']).catch((error: unknown) => {
      throw error instanceof StoreError && error.message.endsWith(' WRONGTYPE.') ? damaged('record', account, key) : error;
    });
    const [revision, generation, sealed] = answer as [string | null, string | null, string | null];
    if (revision === null && generation === null && sealed === null) return undefined;
    if (!isCount(revision) || !isCount(generation) || sealed === null) throw damaged('record', account, key);
    return { revision: Number(revision), generation: Number(generation), sealed: Buffer.from(sealed, 'base64') };
  }

  async replace(account: string, expected: number, next: StoredRecord): Promise<boolean> {
    const key = this.#key(account, 'record');
    const written = await this.#script(REPLACE, key, [String(expected), String(next.revision), String(next.generation), next.sealed.toString('base64'), this.#channel, accountOfKey(account)]);
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

  async debit(budget: string, now: number, window: number, limit: number, known: readonly number[] = []): Promise<Debit> {
    const key = this.#key(budget, 'budget');
    const [granted, at, ...entries] = await this.#count(DEBIT, budget, [now, window, memberSuffix(), limit, ...known]);
    if (granted === 1) await this.#waitForReplicas(key);
    return { granted: granted === 1, at: at!, entries };
  }

  async used(budget: string, now: number, window: number, known: readonly number[] = []): Promise<readonly number[]> {
    return this.#count(USED, budget, [now, window, memberSuffix(), ...known]);
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
    for (const [index, at] of entries.entries()) await this.#send(key, ['ZADD', key, String(at), `${at}-restored-${index}`]);
    await this.#send(key, ['PEXPIRE', key, String(window)]);
  }

  async removeBudget(budget: string): Promise<void> {
    const key = this.#key(budget, 'budget');
    await this.#send(key, ['DEL', key]);
  }

  keyOf(kind: StoredKind, name: string): string {
    return this.#key(name, kind);
  }

  /** A Redis that throws keys away when its memory is full loses the counts of logins first: they are the keys that have an end. */
  async warnings(): Promise<string[]> {
    const { commandTimeout, place } = this.#options;
    let answers: unknown[];
    try {
      answers = await this.#connection.everywhere(['INFO', 'memory'], commandTimeout);
    } catch (error) {
      if (!(error instanceof StoreError) || !error.message.endsWith(' NOPERM.')) throw error;
      return [`Redis at ${describePlace(place)} does not say whether it throws keys away (its user may not ask INFO): make sure that its maxmemory-policy is noeviction`];
    }
    const facts = answers.map((text) => ({ policy: /^maxmemory_policy:(\S+)/m.exec(String(text))?.[1], most: Number(/^maxmemory:(\d+)/m.exec(String(text))?.[1] ?? 0) }));
    const evicting = facts.find(({ policy }) => policy !== undefined && policy !== 'noeviction');
    if (evicting === undefined) return [];
    const when = facts.some(({ policy, most }) => policy !== 'noeviction' && most > 0) ? 'when its memory is full' : 'as soon as it is given a maxmemory';
    return [`Redis at ${describePlace(place)} throws keys away ${when} (maxmemory-policy ${evicting.policy}): tokens and counts of logins get lost, and more logins can be made than the budget allows. Set maxmemory-policy to noeviction`];
  }

  /** Tells of every account whose generation another process has raised, and of every connection that had to be made anew. */
  async watch(listener: (account: string) => void, mayHaveChanged: () => void): Promise<void> {
    this.#reopened.tell = mayHaveChanged;
    await this.#connection.subscribe(this.#channel, listener, this.#options.commandTimeout);
  }

  /** Proves by a write now and then that Redis takes writes. */
  async check(): Promise<void> {
    await this.#look();
    if (performance.now() - this.#provedAt < PROVE_EVERY) return;
    this.#provedAt = -Infinity;
    const written = this.#key('written', 'check');
    await this.#send(written, ['SET', written, String(Date.now())]);
    this.#provedAt = performance.now();
  }

  /** Reads, and looks for the mark that tells this store from an empty one: after a FLUSHALL, say, it is gone or another. */
  async #look(): Promise<void> {
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

  /** As durable as a failover needs it; too few replicas in time is no failure, what was written is on the master. */
  async #waitForReplicas(key: string): Promise<void> {
    const { waitReplicas, commandTimeout } = this.#options;
    if (waitReplicas > 0) await this.#send(key, ['WAIT', String(waitReplicas), String(Math.floor(commandTimeout / 2))]);
  }

  async #count(script: string, budget: string, args: readonly (number | string)[]): Promise<number[]> {
    const key = this.#key(budget, 'budget');
    const answer = ((await this.#script(script, key, args.map(String))) as (number | string)[]).map(Number);
    if (answer[0] === -1) throw damaged('budget', budget, key);
    return answer;
  }

  async #entries(budget: string): Promise<number[]> {
    const key = this.#key(budget, 'budget');
    const flat = (await this.#send(key, ['ZRANGE', key, '0', '-1', 'WITHSCORES']).catch((error: unknown) => {
      throw error instanceof StoreError && error.message.endsWith(' WRONGTYPE.') ? damaged('budget', budget, key) : error;
    })) as string[];
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

function isCount(text: string | null): text is string {
  return text !== null && /^\d+$/.test(text) && Number.isSafeInteger(Number(text));
}

/** Logins of two processes in one millisecond are two members. */
function memberSuffix(): string {
  return randomBytes(6).toString('base64url');
}
