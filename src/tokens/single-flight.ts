import { systemTimers, type Timers } from './clock.ts';

/**
 * At most one run of an asynchronous function at a time; calls during it share its promise. Only the run that filled
 * the slot clears it, and none can occupy it for ever: after `deadline` ms the promise rejects and the slot is free,
 * while the function may still end by itself.
 */
export class SingleFlight<T> {
  readonly #timers: Timers;
  #flight: Promise<T> | undefined;

  constructor(timers = systemTimers) {
    this.#timers = timers;
  }

  get busy(): boolean {
    return this.#flight !== undefined;
  }

  run(work: () => Promise<T>, deadline: number, deadlineError: () => Error): Promise<T> {
    if (this.#flight !== undefined) return this.#flight;
    let cancelDeadline!: () => void;
    const limit = new Promise<never>((_, reject) => {
      cancelDeadline = this.#timers.after(deadline, () => reject(deadlineError()));
    });
    const flight: Promise<T> = Promise.race([work(), limit]).finally(() => {
      cancelDeadline();
      if (this.#flight === flight) this.#flight = undefined;
    });
    this.#flight = flight;
    return flight;
  }
}
