/** Limits are looked at about so many times before they are reached, but no more often than twice a second. */
const LOOKS = 8;
const LOOK_MOST = 500;

/** Something that may stand still for a while, but not for ever. */
export interface Patient {
  /**
   * How many looks have found it standing still; not whole, if some came late. Set to zero by itself whenever it moves.
   */
  looks: number;
  /** It has stood still for too long, and is not watched any more. */
  onLost(): void;
}

/**
 * Waits with all who may stand still for the same time, with one timer for all of them, which runs only while there are
 * any: nearly every body is here before a timer of its own would have been set up (2 µs of a small POST).
 */
export class Patience {
  /** ms; 0: no limit. */
  readonly limit: number;
  readonly #every: number;
  readonly #looksMost: number;
  readonly #watched = new Set<Patient>();
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic ms. */
  #lookedAt = 0;

  constructor(limit: number) {
    this.limit = limit;
    this.#every = Math.min(LOOK_MOST, Math.ceil(limit / LOOKS));
    // Whoever comes between two looks has not stood still for all of the first stretch.
    this.#looksMost = limit === 0 ? Infinity : Math.ceil(limit / this.#every) + 1;
  }

  watch(patient: Patient): void {
    if (this.limit === 0) return;
    patient.looks = 0;
    this.#watched.add(patient);
    if (this.#timer !== undefined) return;
    this.#lookedAt = performance.now();
    this.#timer = setInterval(() => this.#look(), this.#every);
  }

  leave(patient: Patient): void {
    this.#watched.delete(patient);
  }

  #look(): void {
    const now = performance.now();
    // A look that comes late, because this process stood still, counts for those it should have been.
    const looks = Math.max(1, (now - this.#lookedAt) / this.#every);
    this.#lookedAt = now;
    for (const patient of this.#watched) {
      patient.looks += patient.looks === 0 ? 1 : looks;
      // Timers come before reading: what has come meanwhile is read first.
      if (patient.looks >= this.#looksMost) setImmediate(() => this.#loseIfStill(patient));
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #loseIfStill(patient: Patient): void {
    if (patient.looks < this.#looksMost || !this.#watched.delete(patient)) return;
    patient.onLost();
  }
}
