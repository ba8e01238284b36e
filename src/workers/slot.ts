import type { WorkerProcess } from './worker-process.ts';

/**
 * A worker that ended unasked is replaced after 1 s, then 2 s and so on; from the beginning again once one has lived
 * for a minute. ms.
 */
const FIRST_RESTART_MS = 1_000;
const MAX_RESTART_MS = 30_000;
const HEALTHY_MS = 60_000;

/** A worker's place: one of N, filled anew when the process in it ends. */
export interface Slot {
  readonly number: number;
  worker: WorkerProcess | undefined;
  crashes: number;
  /** A replacement that waits for its time. */
  timer: NodeJS.Timeout | undefined;
}

/** A place nobody has filled yet. */
export function emptySlot(number: number): Slot {
  return { number, worker: undefined, crashes: 0, timer: undefined };
}

/** Notes that the worker of a place has ended unasked. Returns how long its replacement waits, ms. */
export function recordCrash(slot: Slot): number {
  const { worker } = slot;
  if (worker?.readyAt !== undefined && performance.now() - worker.readyAt >= HEALTHY_MS) slot.crashes = 0;
  const pause = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** slot.crashes);
  slot.crashes += 1;
  slot.worker = undefined;
  return pause;
}
