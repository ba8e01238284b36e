import { RedisStore, type RedisOptions } from '../../src/tokens/stores/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import type { StoreFactory } from './store-contract.ts';

/** How a test opens a single server. */
export function redisOptions({ url }: Pick<RedisServer, 'url'>, given: Partial<RedisOptions> = {}): RedisOptions {
  return {
    place: { kind: 'single', url },
    username: undefined,
    password: undefined,
    tls: undefined,
    keyPrefix: 'test',
    commandTimeout: 2_000,
    waitReplicas: 0,
    ...given,
  };
}

let made = 0;

/** The factory the store contract wants; every world has a key prefix of its own. */
export function redisContract(options: (keyPrefix: string) => RedisOptions): () => Promise<StoreFactory> {
  return async () => {
    const opened: RedisStore[] = [];
    made += 1;
    const keyPrefix = `contract-${made}`;
    return {
      async open() {
        const store = await RedisStore.open(options(keyPrefix));
        opened.push(store);
        return store;
      },
      async cleanUp() {
        for (const store of opened) await store.close();
      },
    };
  };
}
