import type { OpenSession, RedisSession } from '../../src/tokens/stores/redis-connection.ts';
import type { Random } from './random.ts';
import { RedisData } from './redis-data.ts';
import type { Scheduler } from './scheduler.ts';

/** One way between a process and Redis. ms. */
const MIN_TRIP_MS = 0.2;
const MAX_TRIP_MS = 4;
/** Redis answers, but later than any command may take. ms. */
const SLOW_MS = 900;

interface Change {
  readonly arrives: number;
  readonly key: string;
  readonly entry: ReturnType<RedisData['entry']>;
}

/** `lost`: it does not arrive. `delay`: how long it takes, ms. */
interface Reply {
  readonly result?: unknown;
  readonly error?: Error;
  readonly isWrite?: boolean;
  readonly lost: boolean;
  readonly delay: number;
}

/** A Redis server with a replica that lags behind, and the network before it. */
export class RedisServer {
  readonly data: RedisData;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #lostReply: (owner: object) => void;
  readonly #replica = new Map<string, ReturnType<RedisData['entry']>>();
  #stream: Change[] = [];
  readonly #sessions = new Set<Session>();
  down = false;
  slow = false;
  /** The replica is so far behind. ms. */
  lag = 5;
  /** So many of the next replies to writes never arrive, though the writes were carried out; after so many that do. */
  lostReplies = 0;
  lostAfter = 0;
  #step = 0;
  /** Commands carried out, for each process. */
  readonly commands = new WeakMap<object, number>();

  /** `lostReply`: a reply to this process, to a write that was carried out, was lost just now. */
  constructor(scheduler: Scheduler, random: Random, lostReply: (owner: object) => void) {
    this.#lostReply = lostReply;
    this.#scheduler = scheduler;
    this.#random = random;
    this.data = new RedisData(
      () => this.time(),
      (channel, message) => {
        for (const session of this.#sessions) session.hear(channel, message);
      },
      (key) => this.#stream.push({ arrives: scheduler.now + this.lag, key, entry: this.data.entry(key) }),
    );
  }

  /** Its own wall clock. ms. */
  time(): number {
    return Math.floor(1_800_000_000_000 + this.#scheduler.now + this.#step);
  }

  setClock(ms: number): void {
    this.#step += ms;
  }

  goDown(): void {
    this.down = true;
    this.#cutAll();
  }

  /** The replica takes over: what has not reached it is lost. Gives the keys that changed by that. */
  failOver(): string[] {
    this.#replicate();
    const lost = [...new Set(this.#stream.map(({ key }) => key))];
    this.#stream = [];
    for (const key of lost) this.data.restore(key, this.#replica.get(key));
    this.#cutAll();
    return lost;
  }

  /** A session opener for one process. */
  openerFor(owner: object): OpenSession {
    return (lost) =>
      new Promise((resolve, reject) => {
        this.#scheduler.at(this.#trip(), owner, () => {
          if (this.down) return reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
          const session = new Session(
            this,
            this.#scheduler,
            owner,
            () => this.#trip(),
            lost,
            () => this.#sessions.delete(session),
          );
          this.#sessions.add(session);
          resolve(session);
        });
      });
  }

  /** A command has arrived. `lost`: its reply will not. */
  carryOut(owner: object, args: readonly string[]): Reply {
    this.#replicate();
    this.commands.set(owner, (this.commands.get(owner) ?? 0) + 1);
    const isWrite = args[0] === 'EVAL' || args[0] === 'SET';
    const lost = isWrite && this.lostReplies > 0 && this.lostAfter === 0;
    if (isWrite && this.lostAfter > 0) this.lostAfter -= 1;
    if (lost) {
      this.lostReplies -= 1;
      this.#lostReply(owner);
    }
    const delay = this.#trip() + (this.slow ? SLOW_MS : 0);
    try {
      return { result: this.data.run(args), isWrite, lost, delay };
    } catch (error) {
      return { error: error as Error, isWrite, lost, delay };
    }
  }

  /** The process has closed its connection before the reply to a write was there, because of another reply. */
  replyLost(owner: object): void {
    this.#lostReply(owner);
  }

  #replicate(): void {
    const arrived = this.#stream.filter(({ arrives }) => arrives <= this.#scheduler.now);
    for (const { key, entry } of arrived) this.#replica.set(key, entry);
    this.#stream = this.#stream.filter(({ arrives }) => arrives > this.#scheduler.now);
  }

  #cutAll(): void {
    for (const session of this.#sessions) session.cut();
    this.#sessions.clear();
  }

  #trip(): number {
    return MIN_TRIP_MS + this.#random.next() * (MAX_TRIP_MS - MIN_TRIP_MS);
  }
}

class Session implements RedisSession {
  readonly #server: RedisServer;
  readonly #scheduler: Scheduler;
  readonly #owner: object;
  readonly #trip: () => number;
  readonly #lost: () => void;
  readonly #closed: () => void;
  readonly #channels = new Map<string, (message: string) => void>();
  readonly #waiting = new Set<(error: Error) => void>();
  #open = true;

  constructor(
    server: RedisServer,
    scheduler: Scheduler,
    owner: object,
    trip: () => number,
    lost: () => void,
    closed: () => void,
  ) {
    this.#server = server;
    this.#scheduler = scheduler;
    this.#owner = owner;
    this.#trip = trip;
    this.#lost = lost;
    this.#closed = closed;
  }

  send(_key: string, args: string[]): Promise<unknown> {
    return this.#request(() => this.#server.carryOut(this.#owner, args));
  }

  keys(pattern: string): Promise<string[]> {
    const prefix = pattern.slice(0, -1).replace(/\\(.)/g, '$1');
    return this.#request(() => ({
      result: this.#server.data.keys.filter((key) => key.startsWith(prefix)),
      lost: false,
      delay: this.#trip(),
    })) as Promise<string[]>;
  }

  async sendToMasters(args: string[]): Promise<unknown[]> {
    return [await this.send('', args)];
  }

  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    await this.#request(() => ({ lost: false, delay: this.#trip() }));
    this.#channels.set(channel, listener);
  }

  destroy(): void {
    this.#open = false;
    this.#closed();
  }

  hear(channel: string, message: string): void {
    const listener = this.#channels.get(channel);
    if (listener !== undefined) this.#scheduler.at(this.#trip(), this.#owner, () => this.#open && listener(message));
  }

  /** The connection breaks: what was sent may have arrived, and no reply comes. */
  cut(): void {
    if (!this.#open) return;
    this.#open = false;
    const waiting = [...this.#waiting];
    this.#scheduler.at(this.#trip(), this.#owner, () => {
      for (const fail of waiting) fail(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
      this.#lost();
    });
  }

  /** The command arrives whether its process lives to see the reply or not. */
  #request(act: () => Reply): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#open) return reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
      this.#waiting.add(reject);
      this.#scheduler.at(this.#trip(), this.#server, () => {
        if (this.#server.down) return;
        const { result, error, isWrite = false, lost, delay } = act();
        if (lost) return;
        this.#scheduler.at(delay, this.#owner, () => {
          if (!this.#waiting.delete(reject)) return;
          if (!this.#open) {
            if (isWrite) this.#server.replyLost(this.#owner);
            return;
          }
          if (error === undefined) resolve(result);
          else reject(error);
        });
      });
    });
  }
}
