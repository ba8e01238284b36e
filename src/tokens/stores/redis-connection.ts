import { systemStoreTimes, type StoreTimes } from '../clock.ts';
import { StoreError } from '../store.ts';

/** An open session with Redis: connections to a server, to the current master, or to the nodes of a Cluster. */
export interface RedisSession {
  /** Sends a command to the node that has `key`. Rejects with Redis's error or that of the connection. */
  send(key: string, args: string[]): Promise<unknown>;
  keys(pattern: string): Promise<string[]>;
  /** Sends a command that has no key to every server that takes writes. */
  sendToMasters(args: string[]): Promise<unknown[]>;
  subscribe(channel: string, listener: (message: string) => void): Promise<void>;
  destroy(): void;
}

/** Opens a session. `lost` is called when it breaks, or when another server has become the master. */
export type OpenSession = (lost: () => void) => Promise<RedisSession>;

/** How long the first connection may take before the store counts as unreachable. ms. */
const FIRST_CONNECT_MS = 6_000;
/** First and longest pause between two attempts. ms. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;

/**
 * Keeps a session open: a lost one is replaced by a new one, which resolves the server again (after a failover another
 * master has the same name). Every command has a deadline, and none is sent after it: a command that was reported as
 * failed must not be carried out minutes later.
 */
export class Connection {
  readonly #open: OpenSession;
  readonly #listeners: (readonly [channel: string, listener: (message: string) => void])[] = [];
  readonly #ended = new AbortController();
  readonly #reopened: () => void;
  readonly #times: StoreTimes;
  #session: RedisSession | undefined;
  #opening: Promise<RedisSession> | undefined;
  /** Why the last attempt failed: Redis's error word or the system's code. */
  #lastFailure = 'no answer';
  /** When the last session was lost. Monotonic ms. */
  #lostAt: number;

  private constructor(open: OpenSession, reopened: () => void, times: StoreTimes) {
    this.#open = open;
    this.#reopened = reopened;
    this.#times = times;
    this.#lostAt = times.monotonic();
  }

  /**
   * Connects for the first time; `reopened` is called each time a lost session has been replaced. Rejects with the
   * reason if that takes too long, or a retry would not help.
   */
  static async start(open: OpenSession, reopened: () => void, times = systemStoreTimes): Promise<Connection> {
    const connection = new Connection(open, reopened, times);
    try {
      await within(FIRST_CONNECT_MS, connection.#reopen(isFinal), () => connection.#lastFailure, times);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Sends a command within `timeout` ms, waiting for a session if there is none. Rejects with a StoreError. */
  async send(key: string, args: string[], timeout: number): Promise<unknown> {
    return this.#use(timeout, (session) => session.send(key, args));
  }

  /** The keys that match. Rejects with a StoreError. */
  async keys(pattern: string, timeout: number): Promise<string[]> {
    return this.#use(timeout, (session) => session.keys(pattern));
  }

  /** The replies of every server that takes writes. Rejects with a StoreError. */
  async sendToMasters(args: string[], timeout: number): Promise<unknown[]> {
    return this.#use(timeout, (session) => session.sendToMasters(args));
  }

  /** Subscribes to the channel, in this session and every later one. */
  async subscribe(channel: string, listener: (message: string) => void, timeout: number): Promise<void> {
    await this.#use(timeout, (session) => session.subscribe(channel, listener));
    this.#listeners.push([channel, listener]);
  }

  close(): void {
    this.#ended.abort();
    this.#session?.destroy();
    this.#session = undefined;
  }

  async #use<T>(timeout: number, action: (session: RedisSession) => Promise<T>): Promise<T> {
    const times = this.#times;
    const deadline = times.monotonic() + timeout;
    const left = (): number => Math.max(0, deadline - times.monotonic());
    for (let attempt = 1; ; attempt += 1) {
      let session: RedisSession | undefined;
      try {
        // A short gap is waited for. A longer one is an outage: waiting would help no command.
        if (this.#session === undefined && times.monotonic() - this.#lostAt > timeout)
          throw new DeadlineError(this.#lastFailure);
        session = this.#session ?? (await within(left(), this.#replace(), () => this.#lastFailure, times));
        if (left() === 0) throw new DeadlineError(`no answer within ${timeout} ms`);
        return await within(left(), action(session), () => `no answer within ${timeout} ms`, times);
      } catch (error) {
        if (this.#ended.signal.aborted) throw new StoreError('The store is closed.');
        const demoted = reason(error) === 'READONLY';
        // A missing reply may mean that this connection is dead without an error.
        if (session !== undefined && (demoted || error instanceof DeadlineError)) this.#lose(session);
        // A demoted master has done nothing; the command goes to the new one.
        if (demoted && attempt === 1) continue;
        const why = reason(error);
        throw new StoreError(`Redis refused or lost a command: ${why}.`, { isTemporary: !isFinal(why) });
      }
    }
  }

  #lose(session: RedisSession): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#lostAt = this.#times.monotonic();
    session.destroy();
    // At once, not with the next command: messages about new tokens would be missed until then.
    this.#replace().catch(() => undefined);
  }

  #replace(): Promise<RedisSession> {
    if (this.#opening !== undefined) return this.#opening;
    if (this.#ended.signal.aborted) return Promise.reject(new StoreError('The store is closed.'));
    const opening = this.#reopen(() => false).finally(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    this.#opening = opening;
    opening.then(this.#reopened, () => undefined);
    return opening;
  }

  async #reopen(isFinal: (why: string) => boolean): Promise<RedisSession> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(MAX_PAUSE_MS, pause * 2)) {
      try {
        return await this.#attempt();
      } catch (error) {
        if (this.#ended.signal.aborted) throw new StoreError('The store is closed.');
        this.#lastFailure = reason(error);
        if (isFinal(this.#lastFailure)) throw error;
      }
      await this.#pause(pause * (0.5 + this.#times.random()));
    }
  }

  /** Rejects as soon as the connection is closed. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#ended;
    return new Promise((resolve, reject) => {
      const cancel = this.#times.after(ms, () => {
        signal.removeEventListener('abort', end);
        resolve();
      });
      const end = (): void => {
        cancel();
        reject(new StoreError('The store is closed.'));
      };
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
    });
  }

  async #attempt(): Promise<RedisSession> {
    const opened: { session?: RedisSession; broken: boolean } = { broken: false };
    const session = await this.#open(() => {
      opened.broken = true;
      if (opened.session !== undefined) this.#lose(opened.session);
    });
    opened.session = session;
    try {
      for (const [channel, listener] of this.#listeners) await session.subscribe(channel, listener);
      if (opened.broken) throw new Error('lost again');
      this.#ended.signal.throwIfAborted();
    } catch (error) {
      session.destroy();
      throw error;
    }
    this.#session = session;
    return session;
  }
}

class DeadlineError extends Error {}

/** Whether a failure stays one however often it is tried: a refused login, an untrusted certificate. */
export function isFinal(why: string): boolean {
  return /^(WRONGPASS|NOAUTH|NOPERM|WRONGTYPE)$|CERT|^UNABLE_TO_/.test(why.split(' ').at(-1)!);
}

/** The promise, or a DeadlineError after so many ms. A later result is dropped. */
export async function within<T>(
  milliseconds: number,
  promise: Promise<T>,
  why: () => string,
  times: Pick<StoreTimes, 'after'> = systemStoreTimes,
): Promise<T> {
  let cancel: (() => void) | undefined;
  const deadline = new Promise<never>((_, reject) => {
    cancel = times.after(milliseconds, () => reject(new DeadlineError(why())));
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    cancel?.();
  }
}

/** The first word of a Redis error (NOAUTH, READONLY, OOM) names it; the rest may quote what was sent. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (error instanceof DeadlineError || error instanceof StoreError) return error.message.replace(/\.$/, '');
  const { code } = error as NodeJS.ErrnoException;
  return code ?? /^[A-Z]{2,}/.exec(error.message)?.[0] ?? error.constructor.name;
}
