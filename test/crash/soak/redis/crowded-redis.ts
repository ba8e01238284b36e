import { createClient } from 'redis';
import { needRedis } from '../../../harness/tools.ts';
import { startRedis, type RedisServer } from '../../../support/redis.ts';

const PREFIX = 'soak';
/** Of another user of the same Redis. Bytes. */
const FOREIGN = 32 * 1_024;
/** What the others may take before something must go. Bytes. */
const ROOM = 4 * 1_024 * 1_024;

/** What the store holds of tokenward. */
export interface StoreSize {
  readonly keys: number;
  readonly bytes: number;
  /** Of all users of this Redis. */
  readonly usedMemory: number;
}

/** A Redis that another user fills, with a policy that evicts whatever key it likes. */
export class CrowdedRedis {
  readonly prefix = PREFIX;
  readonly server: RedisServer;
  /** tokenward's keys that went, without the prefix: `record:{demand}`. */
  readonly evicted: string[] = [];
  readonly #client: ReturnType<typeof open>;
  readonly #listener: ReturnType<typeof open>;
  #foreign = 0;

  private constructor(server: RedisServer) {
    this.server = server;
    this.#client = open(server.url);
    this.#listener = open(server.url);
  }

  static async start(): Promise<CrowdedRedis> {
    const server = await startRedis(needRedis(), [
      '--maxmemory-policy',
      'allkeys-random',
      '--notify-keyspace-events',
      'Ee',
    ]);
    const redis = new CrowdedRedis(server);
    await redis.#client.connect();
    await redis.#listener.connect();
    await redis.#listener.subscribe('__keyevent@0__:evicted', (key) => {
      if (key.startsWith(`${PREFIX}:`)) redis.evicted.push(key.slice(PREFIX.length + 1));
    });
    await redis.#command('CONFIG', 'SET', 'maxmemory', String((await redis.#usedMemory()) + ROOM));
    return redis;
  }

  /** The other user writes until at least one of tokenward's keys has gone; which they were. */
  async press(): Promise<string[]> {
    const before = this.evicted.length;
    for (let count = 0; count < 400 && this.evicted.length === before; count += 1) {
      this.#foreign += 1;
      await this.#command('SET', `another-user:${this.#foreign}`, 'x'.repeat(FOREIGN));
    }
    // What the last writes evicted may still be on its way here.
    await new Promise((resolve) => setTimeout(resolve, 200));
    return this.evicted.slice(before);
  }

  /** Whether some process holds the lease of an account. */
  async isLeased(account: string): Promise<boolean> {
    return (await this.#command('EXISTS', `${PREFIX}:lease:{${account}}`)) === 1;
  }

  async size(): Promise<StoreSize> {
    const keys = (await this.#command('KEYS', `${PREFIX}:*`)) as string[];
    let bytes = 0;
    for (const key of keys) bytes += Number((await this.#command('MEMORY', 'USAGE', key, 'SAMPLES', '0')) ?? 0);
    return { keys: keys.length, bytes, usedMemory: await this.#usedMemory() };
  }

  async stop(): Promise<void> {
    this.#client.destroy();
    this.#listener.destroy();
    await this.server.stop();
  }

  async #usedMemory(): Promise<number> {
    return Number(/^used_memory:(\d+)/m.exec(String(await this.#command('INFO', 'memory')))?.[1]);
  }

  #command(...args: string[]): Promise<unknown> {
    return this.#client.sendCommand(args);
  }
}

function open(url: string) {
  return createClient({ RESP: 2, url }).on('error', () => undefined);
}
