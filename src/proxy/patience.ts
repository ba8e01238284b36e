/** Limits are looked at about so many times before they are reached, but no more often than twice a second. */
const LOOKS = 8;
const LOOK_MOST = 500;

/** Something that may stand still for a while, but not for ever. */
export interface Patient {
  /** How many looks have found it standing still. Set to zero by itself whenever it moves. */
  looks: number;
  /** It has stood still for too long, and is not watched any more. */
  onLost(): void;
}

/**
 * Waits with all who may stand still for the same time, with one timer for all of them, which runs only while there are any:
 * nearly every body is here before a timer of its own would have been set up (2 µs of a small POST).
 */
export class Patience {
  /** ms; 0: no limit. */
  readonly limit: number;
  readonly #every: number;
  readonly #looksMost: number;
  readonly #watched = new Set<Patient>();
  #timer: NodeJS.Timeout | undefined;

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
    this.#timer ??= setInterval(() => this.#look(), this.#every);
  }

  leave(patient: Patient): void {
    this.#watched.delete(patient);
  }

  #look(): void {
    for (const patient of this.#watched) {
      patient.looks += 1;
      if (patient.looks < this.#looksMost) continue;
      this.#watched.delete(patient);
      patient.onLost();
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
