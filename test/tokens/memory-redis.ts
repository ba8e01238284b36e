import type { StoreTimes } from '../../src/tokens/clock.ts';
import type { OpenSession, RedisSession } from '../../src/tokens/stores/redis-connection.ts';
import { RedisStore, type RedisOptions } from '../../src/tokens/stores/redis.ts';
import { RedisData } from '../simulate/redis-data.ts';
import { redisOptions } from './redis-factory.ts';

interface Session extends RedisSession {
  hear(channel: string, message: string): void;
}

/**
 * Redis's data in this process, without a server, a network or a delay: for what the store sends and makes of the
 * replies. That the data behaves as Redis does is checked in test/simulate.
 */
export class MemoryRedis {
  readonly data = new RedisData(
    () => this.now(),
    (channel, message) => this.#sessions.forEach((session) => session.hear(channel, message)),
  );
  /** Every command that has arrived. */
  readonly sent: string[][] = [];
  /** The key by which each was sent to its node. */
  readonly sentTo: string[] = [];
  /** The reply to INFO of each server. */
  info = ['maxmemory:0\r\nmaxmemory_policy:noeviction\r\n'];
  /** Replies with this error to commands of this name. */
  readonly refusing = new Map<string, Error>();
  now = (): number => Date.now();
  /** Breaks the newest connection. */
  cut: () => void = () => undefined;
  readonly #sessions = new Set<Session>();

  readonly open: OpenSession = async (lost) => {
    this.cut = lost;
    const channels = new Map<string, (message: string) => void>();
    const send = async (args: string[]): Promise<unknown> => {
      this.sent.push(args);
      const error = this.refusing.get(args[0]!);
      if (error !== undefined) throw error;
      return this.data.run(args);
    };
    const session: Session = {
      send: (key, args) => {
        this.sentTo.push(key);
        return send(args);
      },
      keys: async (pattern) => {
        const prefix = pattern.slice(0, -1).replace(/\\(.)/g, '$1');
        if (!pattern.endsWith('*')) throw new Error(`not a pattern: ${pattern}`);
        return this.data.keys.filter((key) => key.startsWith(prefix));
      },
      sendToMasters: async (args) => {
        this.sent.push(args);
        const error = this.refusing.get(args[0]!);
        if (error !== undefined) throw error;
        return this.info;
      },
      subscribe: async (channel, listener) => void channels.set(channel, listener),
      destroy: () => this.#sessions.delete(session),
      hear: (channel, message) => channels.get(channel)?.(message),
    };
    this.#sessions.add(session);
    return session;
  };

  /** The store over it; `monotonic` decides when it proves that Redis takes writes. */
  store(given: Partial<RedisOptions> = {}, monotonic: StoreTimes['monotonic'] = () => 0): Promise<RedisStore> {
    return RedisStore.open(redisOptions({ url: 'redis://memory:6379' }, given), {
      open: this.open,
      times: { monotonic, after: () => () => undefined, random: () => 0.5 },
    });
  }
}
