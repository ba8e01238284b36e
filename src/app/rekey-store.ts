import type { LoadedConfig } from '../config/load.ts';
import { systemClock } from '../tokens/clock.ts';
import { AccountBusyError, holdingLease } from '../tokens/held-lease.ts';
import { Records } from '../tokens/records.ts';
import { accountOfKey, RecordError, StoreError } from '../tokens/store.ts';
import { openStore, type StoreDependencies } from './open-store.ts';

/** Records that cannot be opened, named in one message. */
const MAX_NAMED = 20;

/**
 * Seals every stored record with the current key. Returns how many there are and how many were sealed again. Rejects
 * with a StoreError; if some cannot be opened, after all others are sealed, naming them.
 */
export async function rekeyStore(
  config: LoadedConfig,
  dependencies: StoreDependencies & { readonly owner: string },
): Promise<{ records: number; resealed: number }> {
  const { owner } = dependencies;
  const clock = dependencies.clock ?? systemClock;
  const { store, seal } = await openStore(config, dependencies);
  try {
    const records = new Records(store, seal, clock);
    const keys = await store.accounts();
    const failed: string[] = [];
    let resealed = 0;
    for (const key of keys) {
      try {
        if (await records.isCurrent(key)) continue;
        // Not during a renewal: a process that ends with the former configuration could not open the record any more,
        // and would lose the token that it has just obtained.
        const reseal = (): Promise<boolean> => records.reseal(key);
        if (await holdingLease(store, accountOfKey(key), { owner, clock }, reseal)) resealed += 1;
      } catch (error) {
        if (!(error instanceof RecordError) && !(error instanceof AccountBusyError)) throw error;
        failed.push(error.message);
      }
    }
    if (failed.length > 0) {
      throw new StoreError(
        `${failed.length} of ${keys.length} records could not be sealed again; ${resealed} were. ` +
          failed.slice(0, MAX_NAMED).join(' '),
      );
    }
    return { records: keys.length, resealed };
  } finally {
    await store.close();
  }
}
