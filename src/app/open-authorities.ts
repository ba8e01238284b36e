import { Authorities } from '../authority/authorities.ts';
import type { LoadedConfig } from '../config/load.ts';
import { systemClock } from '../tokens/clock.ts';
import { Records } from '../tokens/records.ts';
import { openStore, type StoreDependencies } from './open-store.ts';
import { storeIsThere } from './store-presence.ts';

/**
 * Runs a command's work on the authority in the configured store. Undefined: `onlyRead`, and there is no store, which
 * reading must not make. Rejects with a StoreError, or with what the work rejects with.
 */
export async function withAuthorities<T>(
  config: LoadedConfig,
  dependencies: StoreDependencies,
  { onlyRead }: { readonly onlyRead: boolean },
  work: (authorities: Authorities) => Promise<T>,
): Promise<T | undefined> {
  if (onlyRead && !storeIsThere(config)) return undefined;
  const clock = dependencies.clock ?? systemClock;
  const { store, seal } = await openStore(config, dependencies);
  try {
    return await work(new Authorities(new Records(store, seal, clock), clock));
  } finally {
    await store.close();
  }
}
