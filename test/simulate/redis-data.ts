import * as scripts from '../../src/tokens/stores/redis-scripts.ts';

type Value = string | Map<string, string> | SortedSet;

class SortedSet {
  readonly scores: Map<string, number>;

  constructor(scores: Iterable<readonly [string, number]> = []) {
    this.scores = new Map(scores);
  }

  /** By score, then by member, as Redis orders them. */
  sorted(): [string, number][] {
    return [...this.scores].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
  }
}

interface Entry {
  readonly value: Value;
  /** By Redis's clock, ms; undefined: never. */
  readonly expiresAt: number | undefined;
}

/** What Redis refuses a command with: its first word is its code. */
export class RedisRefusal extends Error {}

const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';

/**
 * The data of a Redis server, and the commands and scripts that the store sends. The scripts are restated here; a test
 * runs both on a real Redis and compares.
 */
export class RedisData {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;
  readonly #publish: (channel: string, message: string) => void;
  readonly #changed: (key: string) => void;

  /** `changed`: a key was written or deleted. */
  constructor(
    now: () => number,
    publish: (channel: string, message: string) => void,
    changed: (key: string) => void = () => undefined,
  ) {
    this.#now = now;
    this.#publish = publish;
    this.#changed = changed;
  }

  /** Carries out a command. Throws a RedisRefusal. */
  run([command, ...args]: readonly string[]): unknown {
    const key = args[0]!;
    switch (command) {
      case 'GET':
        return this.#text(key) ?? null;
      case 'SET':
        if (args[2] === 'NX' && this.#get(key) !== undefined) return null;
        this.put(key, args[1]!);
        return 'OK';
      case 'DEL':
        return args.filter((name) => this.delete(name)).length;
      case 'HMGET': {
        const hash = this.#hash(key);
        return args.slice(1).map((field) => hash?.get(field) ?? null);
      }
      case 'ZADD':
        this.#zadd(key, Number(args[1]), args[2]!);
        return 1;
      case 'ZRANGE':
        return this.#sorted(key).flatMap(([member, score]) => [member, String(score)]);
      case 'PEXPIRE':
        return this.#expire(key, Number(args[1])) ? 1 : 0;
      case 'WAIT':
        return 1;
      case 'INFO':
        return '# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\n';
      case 'EVAL':
        return this.#script(args[0]!, args[2]!, args.slice(3));
      default:
        throw new RedisRefusal(`ERR unknown command '${command}'`);
    }
  }

  get keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#get(key) !== undefined);
  }

  /** The keys that an eviction of volatile keys may take. */
  get volatileKeys(): string[] {
    return this.keys.filter((key) => this.#entries.get(key)!.expiresAt !== undefined);
  }

  /** The value itself, which the caller must not change. */
  peek(key: string): Value | undefined {
    return this.#get(key)?.value;
  }

  entry(key: string): Entry | undefined {
    const entry = this.#get(key);
    if (entry === undefined) return undefined;
    const { value, expiresAt } = entry;
    const copy =
      typeof value === 'string' ? value : value instanceof SortedSet ? new SortedSet(value.scores) : new Map(value);
    return { value: copy, expiresAt };
  }

  /** Sets a key to what `entry` gave, or deletes it. */
  restore(key: string, entry: Entry | undefined): void {
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
  }

  clear(): void {
    for (const key of this.keys) this.delete(key);
  }

  put(key: string, value: Value, expiresAt?: number): void {
    this.#entries.set(key, { value, expiresAt });
    this.#changed(key);
  }

  delete(key: string): boolean {
    const had = this.#get(key) !== undefined;
    this.#entries.delete(key);
    if (had) this.#changed(key);
    return had;
  }

  #get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry?.expiresAt !== undefined && entry.expiresAt <= this.#now()) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry;
  }

  #text(key: string): string | undefined {
    const value = this.#get(key)?.value;
    if (value !== undefined && typeof value !== 'string') throw new RedisRefusal(WRONG_TYPE);
    return value;
  }

  #hash(key: string): Map<string, string> | undefined {
    const value = this.#get(key)?.value;
    if (value !== undefined && !(value instanceof Map)) throw new RedisRefusal(WRONG_TYPE);
    return value;
  }

  #sorted(key: string): [string, number][] {
    const value = this.#get(key)?.value;
    if (value !== undefined && !(value instanceof SortedSet)) throw new RedisRefusal(WRONG_TYPE);
    return value?.sorted() ?? [];
  }

  #zadd(key: string, score: number, member: string): void {
    const members = this.#sorted(key).filter(([other]) => other !== member);
    this.put(key, new SortedSet([...members, [member, score]]), this.#entries.get(key)?.expiresAt);
  }

  #zremove(key: string, gone: (score: number) => boolean): void {
    const kept = this.#sorted(key).filter(([, score]) => !gone(score));
    if (kept.length === 0) this.delete(key);
    else this.put(key, new SortedSet(kept), this.#entries.get(key)?.expiresAt);
  }

  #expire(key: string, ms: number): boolean {
    const entry = this.#get(key);
    if (entry === undefined) return false;
    this.put(key, entry.value, this.#now() + ms);
    return true;
  }

  #script(script: string, key: string, args: readonly string[]): unknown {
    switch (script) {
      case scripts.REPLACE:
        return this.#replace(key, args);
      case scripts.ACQUIRE:
        return this.#acquire(key, args[0]!, Number(args[1]));
      case scripts.RELEASE:
        if (this.#get(key)?.value === args[0]) this.delete(key);
        return 1;
      case scripts.USED:
        return this.#count(key, args, 1);
      case scripts.DEBIT:
        return this.#count(key, args, 2);
      case scripts.TAKE_BACK:
        return this.#takeBack(key, args[0]!);
      default:
        throw new RedisRefusal('ERR a script that the simulation does not know');
    }
  }

  #replace(key: string, [expected, revision, generation, sealed, channel, account]: readonly string[]): number {
    const value = this.#get(key)?.value;
    if (value !== undefined && !(value instanceof Map)) return -1;
    const [oldRevision, oldGeneration] = [value?.get('revision'), value?.get('generation')];
    const known = [Number(oldRevision ?? 0), Number(oldGeneration ?? 0)] as const;
    if (known.some(Number.isNaN) || (oldRevision === undefined) !== (oldGeneration === undefined)) return -1;
    if (known[0] !== Number(expected) || known[1] > Number(generation)) return 0;
    const fields = { revision: revision!, generation: generation!, sealed: sealed! };
    this.put(key, new Map([...(value ?? []), ...Object.entries(fields)]), this.#entries.get(key)?.expiresAt);
    if (known[1] !== Number(generation)) this.#publish(channel!, account!);
    return 1;
  }

  #acquire(key: string, owner: string, ttl: number): number {
    const held = this.#get(key);
    const left = held?.expiresAt === undefined ? -1 : held.expiresAt - this.#now();
    if (typeof held?.value === 'string' && held.value !== owner && left <= 2 * ttl) return 0;
    this.put(key, owner, this.#now() + ttl);
    return 1;
  }

  #count(key: string, args: readonly string[], after: 1 | 2): number[] {
    const [now, window] = [Number(args[0]), Number(args[1])];
    const own = this.#now();
    const [early, late] = [Math.min(now, own), Math.max(now, own)];
    const value = this.#get(key)?.value;
    if (value !== undefined && !(value instanceof SortedSet)) return [-1];
    const flat = value?.sorted() ?? [];
    const logins = flat.map(([, score]) => score);
    const has = new Set(flat.map(([member]) => /^\d+/.exec(member)?.[0] ?? ''));
    let added = false;
    const keep = (at: number): void => {
      this.#zadd(key, at, `${at}-${args[2]!}`);
      logins.push(at);
      has.add(String(at));
      added = true;
    };
    for (const at of args.slice(after + 2).map(Number)) if (at > early - window && !has.has(String(at))) keep(at);
    const counting = (): number[] => logins.filter((at) => at > early - window).sort((a, b) => a - b);
    const finish = (count: readonly number[]): number[] => {
      if (added) this.#expire(key, Math.max(2 * window, 172_800_000) + Math.max(late, ...logins) - early);
      return count.map((at) => at + now - early);
    };
    if (after === 1) return finish(counting());
    const limit = Number(args[3]);
    const spare = logins.length - Math.max(100, 2 * limit);
    if (spare > 0) {
      logins.sort((a, b) => a - b);
      const last = Math.min(logins[spare - 1]!, early - window);
      this.#zremove(key, (score) => score <= last);
    }
    for (const [member, score] of flat) {
      if (score <= late + window) continue;
      this.#zadd(key, late, member);
      added = true;
    }
    let count = counting();
    let [at, granted] = [late, 0];
    if (count.length < limit) {
      while (has.has(String(at))) at += 1;
      keep(at);
      granted = 1;
      count = counting();
    }
    return [granted, at, ...finish(count)];
  }

  #takeBack(key: string, at: string): number {
    const value = this.#get(key)?.value;
    if (value !== undefined && !(value instanceof SortedSet)) return -1;
    const found = (value?.sorted() ?? []).filter(([member]) => /^\d+/.exec(member)?.[0] === at).at(-1);
    if (found === undefined) return 0;
    const kept = value!.sorted().filter(([member]) => member !== found[0]);
    if (kept.length === 0) this.delete(key);
    else this.put(key, new SortedSet(kept), this.#entries.get(key)?.expiresAt);
    return 1;
  }
}
