/** Limits are looked at about so many times before they are reached, but no more often than twice a second. */
const TICKS_PER_LIMIT = 8;
const MAX_TICK_MS = 500;

/** Something that may stand still for a while, but not for ever. */
export interface Watched {
  /**
   * How many looks have found it standing still; not whole, if some came late. Set to zero by itself whenever it moves.
   */
  idleTicks: number;
  /** It has stood still for too long, and is not watched any more. */
  onStall(): void;
}

/**
 * Waits with all who may stand still for the same time, with one timer for all of them, which runs only while there are
 * any: nearly every body is here before a timer of its own would have been set up (2 µs of a small POST).
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
    // Whoever comes between two looks has not stood still for all of the first stretch.
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
    // A look that comes late, because this process stood still, counts for those it should have been.
    const idleTicks = Math.max(1, (now - this.#tickedAt) / this.#tickMs);
    this.#tickedAt = now;
    for (const watched of this.#watched) {
      watched.idleTicks += watched.idleTicks === 0 ? 1 : idleTicks;
      // Timers come before reading: what has come meanwhile is read first.
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
