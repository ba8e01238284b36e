import type { WorkerProcess } from './worker-process.ts';

/**
 * A worker that ended unasked is replaced after 1 s, then 2 s and so on; from the beginning again once one has lived
 * for a minute. ms.
 */
const BACKOFF_FIRST = 1_000;
const BACKOFF_MOST = 30_000;
const HEALTHY = 60_000;

/** A worker's place: one of N, filled anew when the process in it ends. */
export interface Place {
  readonly number: number;
  worker: WorkerProcess | undefined;
  crashes: number;
  /** A replacement that waits for its time. */
  timer: NodeJS.Timeout | undefined;
}

/** A place nobody has filled yet. */
export function emptyPlace(number: number): Place {
  return { number, worker: undefined, crashes: 0, timer: undefined };
}

/** Notes that the worker of a place has ended unasked. Returns how long its replacement waits, ms. */
export function vacate(place: Place): number {
  const { worker } = place;
  if (worker?.readyAt !== undefined && performance.now() - worker.readyAt >= HEALTHY) place.crashes = 0;
  const pause = Math.min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** place.crashes);
  place.crashes += 1;
  place.worker = undefined;
  return pause;
}
