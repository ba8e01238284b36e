import type { LoadedConfig } from '../config/load.ts';
import type { RouteConfig } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { SPILL_OUTCOMES, type Spill } from '../proxy/spill.ts';
import type { SpillFolder } from '../proxy/spill-folder.ts';

/** How a route keeps bodies that are too large for memory; undefined: it does not. */
export type Spills = (route: RouteConfig) => Spill | undefined;

/** Undefined: no route spills, and nothing is loaded for it. Rejects with a SpillError for an unusable folder. */
export async function openSpills(
  config: LoadedConfig,
  metrics: Metrics,
  log: Logger,
): Promise<{ readonly spills: Spills; readonly usedBytes: () => number } | undefined> {
  if (config.routes.every(({ spill }) => spill === undefined)) return undefined;
  const { SpillFolder: Folder } = await import('../proxy/spill-folder.ts');
  const folders = new Map<string, SpillFolder>();
  for (const { name, spill } of config.routes) {
    if (spill === undefined) continue;
    if (!folders.has(spill.path)) folders.set(spill.path, await Folder.open(spill.path, spill.most, log));
    for (const outcome of SPILL_OUTCOMES) metrics.spilledBodies.inc({ route: name, outcome }, 0);
  }
  return {
    spills: ({ name, spill }) => (spill === undefined ? undefined : folders.get(spill.path)!.forRoute(name, metrics)),
    usedBytes: () => [...folders.values()].reduce((sum, { usedBytes }) => sum + usedBytes, 0),
  };
}
