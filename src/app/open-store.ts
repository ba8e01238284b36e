import type { LoadedConfig } from '../config/load.ts';
import type { Logger } from '../log.ts';
import { bootTimeOf, systemBootTime } from '../tokens/boot-time.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import { Seal, sealingKey } from '../tokens/seal.ts';
import { RecordError, StoreError, type TokenStore } from '../tokens/store.ts';
import { BroadcastingStore, type InvalidationBus } from '../tokens/stores/broadcasting.ts';
import { EmbeddedStore } from '../tokens/stores/embedded.ts';
import { keyBesideStore } from '../tokens/stores/key-file.ts';
import { RedisStore } from '../tokens/stores/redis.ts';
import { redisOptions } from './redis-options.ts';

/** What opening a store needs besides the configuration. */
export interface StoreDependencies {
  readonly log: Logger;
  /** Whether the process that a lease names no longer runs. */
  readonly ownerIsGone: (owner: string) => boolean;
  readonly clock?: Clock;
  /** The other workers of this host. */
  readonly bus?: InvalidationBus;
}

/**
 * The configured store and the seal of its records. Logs settings of the store that can lose tokens. Rejects with a
 * StoreError, also if the store's records are sealed with a key that is not configured.
 */
export async function openStore(
  config: LoadedConfig,
  dependencies: StoreDependencies,
): Promise<{ store: TokenStore; seal: Seal }> {
  const { store, seal } = await open(config, dependencies);
  try {
    await checkKey(config, store, seal);
    for (const warning of (await store.warnings?.()) ?? []) dependencies.log.warn(warning);
  } catch (error) {
    await store.close();
    throw error;
  }
  return { store, seal };
}

/**
 * Settings of the configured store that can lose tokens or counts of logins, in words for an operator. Rejects with a
 * StoreError if it cannot be opened.
 */
export async function storeWarnings(config: LoadedConfig, dependencies: StoreDependencies): Promise<string[]> {
  // Only Redis has settings of its own; opening an embedded store would make one.
  if (config.store.type !== 'redis') return [];
  const { store } = await open(config, dependencies);
  try {
    return (await store.warnings?.()) ?? [];
  } finally {
    await store.close();
  }
}

async function open(
  { store: config }: LoadedConfig,
  dependencies: StoreDependencies,
): Promise<{ store: TokenStore; seal: Seal }> {
  const retired = config.retiredKeys.map(sealingKey);
  if (config.type === 'redis') {
    return { store: await RedisStore.open(redisOptions(config)), seal: new Seal(sealingKey(config.key), retired) };
  }
  let current = config.key;
  if (current === undefined) {
    const keyFile = keyBesideStore(config.path);
    if (keyFile.created) {
      dependencies.log.warn(
        'generated a store key next to the store: anyone who copies the directory gets the key as well. Set ' +
          'store.key ' +
          'to keep it elsewhere',
        { file: keyFile.file },
      );
    }
    if (keyFile.exposed) {
      dependencies.log.warn(
        'other users of this host could read the store key; its mode is set to 0600 where that is possible. ' +
          'If one of ' +
          'them may have read it, make a new key: tokenward rekey',
        { file: keyFile.file },
      );
    }
    current = keyFile.text;
  }
  const seal = new Seal(sealingKey(current), retired);
  const { ownerIsGone, clock = systemClock, bus } = dependencies;
  const store = EmbeddedStore.open(config.path, {
    ownerIsGone,
    now: () => clock.wall(),
    running: clock === systemClock ? systemBootTime : bootTimeOf(clock),
  });
  return { store: bus === undefined ? store : new BroadcastingStore(store, bus), seal };
}

/**
 * A single record with another key concerns its account only. If all have one, the configured key is wrong, and no
 * account could be served: rejects with a StoreError.
 */
async function checkKey({ accounts }: LoadedConfig, store: TokenStore, seal: Seal): Promise<void> {
  let otherKey: string | undefined;
  for (const account of Object.keys(accounts)) {
    const record = await store.read(account).catch((error: unknown) => {
      if (error instanceof RecordError) return undefined;
      throw error;
    });
    if (record === undefined) continue;
    const keyProblem = seal.otherKey(record.sealed);
    if (keyProblem === undefined) return;
    otherKey ??= keyProblem;
  }
  if (otherKey !== undefined) throw new StoreError(`The store ${otherKey}. Nothing was changed.`);
}
