import type { LoadedConfig } from '../config/load.ts';
import { systemClock } from '../tokens/clock.ts';
import { copyRecords, type CopyEnd, type CopyReport } from '../tokens/copy.ts';
import { Records } from '../tokens/records.ts';
import type { TokenStore } from '../tokens/store.ts';
import { openStore, type StoreDependencies } from './open-store.ts';
import { requireStore } from './store-presence.ts';

/**
 * Copies the content of one configuration's store to the other's, sealed with the other's key. Rejects with a
 * StoreError.
 */
export async function copyStore(
  from: LoadedConfig,
  to: LoadedConfig,
  dependencies: StoreDependencies,
  options: { overwrite: boolean; dryRun: boolean },
): Promise<CopyReport> {
  const clock = dependencies.clock ?? systemClock;
  requireStore(from, 'copy');
  const opened: TokenStore[] = [];
  const end = async (config: LoadedConfig): Promise<CopyEnd> => {
    const { store, seal } = await openStore(config, dependencies);
    opened.push(store);
    return { store, records: new Records(store, seal, clock) };
  };
  try {
    return await copyRecords(await end(from), await end(to), options);
  } finally {
    for (const store of opened) await store.close();
  }
}
