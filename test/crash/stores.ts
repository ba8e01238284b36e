import { randomBytes } from 'node:crypto';
import { startRedis } from '../support/redis.ts';
import { toolFor } from '../harness/tools.ts';

/** A store that the matrix runs over. */
export interface StoreUnderTest {
  readonly name: string;
  /**
   * How long a dead process's lease may stand in the way: only a store of one host can see that its holder is gone. ms.
   */
  readonly leaseOutlives: number;
  /** The `store` part of a configuration; `folder` is the cell's own. */
  config(folder: string): Readonly<Record<string, unknown>>;
}

export const EMBEDDED: StoreUnderTest = {
  name: 'embedded',
  leaseOutlives: 0,
  config: (folder) => ({ type: 'embedded', path: folder }),
};

/**
 * The embedded store, and a Redis of the run's own if there is one on this machine. Acts, and ends it whatever came of
 * it.
 */
export async function withStores<T>(act: (stores: readonly StoreUnderTest[]) => Promise<T>): Promise<T> {
  const command = toolFor('redis', 'redis-server');
  if (command === undefined) return act([EMBEDDED]);
  const server = await startRedis(command);
  const key = randomBytes(32).toString('base64');
  try {
    return await act([
      EMBEDDED,
      {
        name: 'redis',
        leaseOutlives: 30_000,
        // Cells share the server and are kept apart by the prefix.
        config: () => ({ type: 'redis', url: server.url, key, keyPrefix: randomBytes(8).toString('hex') }),
      },
    ]);
  } finally {
    await server.stop();
  }
}
