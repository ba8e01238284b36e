/** Checks per limit; at least one every MAX_TICK_MS. */
const TICKS_PER_LIMIT = 8;
const MAX_TICK_MS = 500;

/** Something that may stall for a limited time. */
export interface Watched {
  /**
   * Number of ticks without progress; fractional after a late tick. The watched object sets it to zero when it makes
   * progress.
   */
  idleTicks: number;
  /** Called once the limit is exceeded; it is no longer watched then. */
  onStall(): void;
}

/**
 * Watches many objects with the same limit by one timer, which runs only while there are any: nearly every body is
 * complete before a timer of its own would have been set (2 µs of a small POST).
 */
export class StallWatchdog {
  /** ms; 0: no limit. */
  readonly limitMs: number;
  readonly #tickMs: number;
  readonly #maxTicks: number;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic ms. */
  #tickedAt = 0;

  constructor(limitMs: number) {
    this.limitMs = limitMs;
    this.#tickMs = Math.min(MAX_TICK_MS, Math.ceil(limitMs / TICKS_PER_LIMIT));
    // An object added between two ticks has not stalled for all of the first interval.
    this.#maxTicks = limitMs === 0 ? Infinity : Math.ceil(limitMs / this.#tickMs) + 1;
  }

  watch(watched: Watched): void {
    if (this.limitMs === 0) return;
    watched.idleTicks = 0;
    this.#watched.add(watched);
    if (this.#timer !== undefined) return;
    this.#tickedAt = performance.now();
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
  }

  #tick(): void {
    const now = performance.now();
    // A late tick, after this process was blocked, counts for those that were missed.
    const idleTicks = Math.max(1, (now - this.#tickedAt) / this.#tickMs);
    this.#tickedAt = now;
    for (const watched of this.#watched) {
      watched.idleTicks += watched.idleTicks === 0 ? 1 : idleTicks;
      // Timers run before reads: what has arrived is read first.
      if (watched.idleTicks >= this.#maxTicks) setImmediate(() => this.#reportIfStalled(watched));
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #reportIfStalled(watched: Watched): void {
    if (watched.idleTicks < this.#maxTicks || !this.#watched.delete(watched)) return;
    watched.onStall();
  }
}
