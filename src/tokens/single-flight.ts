import { systemTimers, type Timers } from './clock.ts';

/**
 * At most one run of a piece of work at a time; everybody who asks meanwhile gets the same answer.
 * The slot is cleared only by the run that filled it, and no run can hold it for ever: past `deadline` ms the waiters
 * are told so and the slot is free again, while the late work may still end by itself.
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
