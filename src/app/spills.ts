import type { LoadedConfig } from '../config/load.ts';
import type { RouteConfig } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { SPILL_OUTCOMES, type Spill } from '../proxy/spill.ts';
import type { SpillFolder } from '../proxy/spill-folder.ts';

/** How a route keeps bodies that are too large for memory; undefined: it does not. */
export type Spills = (route: RouteConfig) => Spill | undefined;

/** The folders for spilled bodies; each is opened once, also by a reload. */
export class SpillFolders {
  readonly #folders = new Map<string, SpillFolder>();
  readonly #metrics: Metrics;
  readonly #log: Logger;

  constructor(metrics: Metrics, log: Logger) {
    this.#metrics = metrics;
    this.#log = log;
  }

  /** Undefined: no route spills, and nothing is loaded for it. Rejects with a SpillError for an unusable folder. */
  async open({ routes }: LoadedConfig): Promise<Spills | undefined> {
    if (routes.every(({ spill }) => spill === undefined)) return undefined;
    const { SpillFolder: Folder } = await import('../proxy/spill-folder.ts');
    for (const { spill } of routes) {
      if (spill === undefined || this.#folders.has(spill.path)) continue;
      this.#folders.set(spill.path, await Folder.open(spill.path, spill.most, this.#log));
    }
    return ({ name, spill }) =>
      spill === undefined ? undefined : this.#folders.get(spill.path)!.forRoute(name, this.#metrics);
  }

  /** The configuration is in use from now on: its limits, and its counters at 0. */
  use({ routes }: LoadedConfig): void {
    for (const { name, spill } of routes) {
      if (spill === undefined) continue;
      this.#folders.get(spill.path)?.setMost(spill.most);
      for (const outcome of SPILL_OUTCOMES) this.#metrics.spilledBodies.inc({ route: name, outcome }, 0);
    }
  }

  get usedBytes(): number {
    return [...this.#folders.values()].reduce((sum, { usedBytes }) => sum + usedBytes, 0);
  }
}
