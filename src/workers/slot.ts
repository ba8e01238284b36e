import type { WorkerProcess } from './worker-process.ts';

/**
 * A worker that crashed is replaced after 1 s, then 2 s and so on; after 1 s again once one has run for a minute. ms.
 */
const FIRST_RESTART_MS = 1_000;
const MAX_RESTART_MS = 30_000;
const HEALTHY_MS = 60_000;

/** One of N places for workers, filled again when its process ends. */
export interface Slot {
  readonly number: number;
  worker: WorkerProcess | undefined;
  crashes: number;
  /** The timer of a replacement. */
  timer: NodeJS.Timeout | undefined;
}

/** A slot without a worker. */
export function emptySlot(number: number): Slot {
  return { number, worker: undefined, crashes: 0, timer: undefined };
}

/** Notes that the slot's worker has crashed. Returns how long its replacement waits, ms. */
export function recordCrash(slot: Slot): number {
  const { worker } = slot;
  if (worker?.readyAt !== undefined && performance.now() - worker.readyAt >= HEALTHY_MS) slot.crashes = 0;
  const pause = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** slot.crashes);
  slot.crashes += 1;
  slot.worker = undefined;
  return pause;
}
