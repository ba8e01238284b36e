import type { LoadedConfig } from '../config/load.ts';
import { systemClock } from '../tokens/clock.ts';
import { Records } from '../tokens/records.ts';
import { isAccountKey, type StoredKind } from '../tokens/store.ts';
import { openStore, type StoreDependencies } from './open-store.ts';
import { ownership, unownedGeneration } from './ownership.ts';
import { requireStore } from './store-presence.ts';

/** A row that `store prune` removes: its key, and the generation of a record that could be read. */
interface Pruned {
  readonly key: string;
  readonly generation: number | undefined;
}

/**
 * How long a count of logins without an account is kept: an account that returns within it must not log in too often.
 * ms.
 */
const COUNTS_KEPT_MS = 31 * 86_400_000;

/**
 * Removes rows that no account of the configuration owns: records of accounts that were removed or have another
 * identity now, their leases, and expired counts of logins. `dryRun` only lists them. A record that cannot be opened is
 * removed only if its account was. Rejects with a StoreError.
 */
export async function pruneStore(
  config: LoadedConfig,
  dependencies: StoreDependencies,
  { dryRun }: { dryRun: boolean },
): Promise<{ removed: readonly Pruned[] }> {
  const clock = dependencies.clock ?? systemClock;
  requireStore(config, 'prune');
  const { store, seal } = await openStore(config, dependencies);
  try {
    const records = new Records(store, seal, clock);
    const removed: Pruned[] = [];
    const remove = async (kind: StoredKind, name: string, generation: number | undefined): Promise<void> => {
      removed.push({ key: store.keyOf?.(kind, name) ?? name, generation });
      if (!dryRun) await (kind === 'budget' ? store.removeBudget(name) : store.remove(name));
    };
    const owned = ownership(config, clock);
    const names = await store.accounts();
    const known = new Set(names);
    for (const name of names.filter(isAccountKey)) {
      const generation = await unownedGeneration(name, records, owned, known);
      if (generation !== false) await remove('record', name, generation);
    }
    for (const name of await store.leased()) {
      if (!known.has(name) && !owned.has(name)) await remove('lease', name, undefined);
    }
    for (const { budget, entries } of await store.budgets()) {
      if (!owned.budgets.has(budget) && entries.every((at) => at < clock.wall() - COUNTS_KEPT_MS)) {
        await remove('budget', budget, undefined);
      }
    }
    return { removed };
  } finally {
    await store.close();
  }
}
