import { systemTimers, type Clock, type Timers } from './clock.ts';
import { StoreError, type TokenStore } from './store.ts';

/** Whether the store can be read and written, for an operator. */
export interface StoreState {
  readonly usable: boolean;
  /** Since when it is so. Wall-clock ms. */
  readonly since: number;
  /** Why it is not usable: one sentence, nothing secret. */
  readonly error: string | undefined;
}

/** A store whose check takes longer counts as unusable. ms. */
const CHECK_DEADLINE_MS = 5_000;

/** The state of one store at its last check. `check` runs one; `state` only reads the result. */
export class StoreHealth {
  readonly #store: Pick<TokenStore, 'check'>;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #state: StoreState;
  #running: Promise<StoreState> | undefined;

  /** An opened store counts as usable until a check fails. */
  constructor(store: Pick<TokenStore, 'check'>, clock: Clock, timers: Timers = systemTimers) {
    this.#store = store;
    this.#clock = clock;
    this.#timers = timers;
    this.#state = { usable: true, since: clock.wall(), error: undefined };
  }

  get state(): StoreState {
    return this.#state;
  }

  /** Checks the store now. Never rejects; concurrent calls share one check. */
  check(): Promise<StoreState> {
    this.#running ??= this.#runCheck().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #runCheck(): Promise<StoreState> {
    let cancelDeadline!: () => void;
    const deadline = new Promise<never>((_, reject) => {
      const late = new StoreError(`The store has not responded within ${CHECK_DEADLINE_MS / 1000} s.`);
      cancelDeadline = this.#timers.after(CHECK_DEADLINE_MS, () => reject(late), true);
    });
    try {
      await Promise.race([this.#store.check(), deadline]);
      this.#setError(undefined);
    } catch (error) {
      this.#setError(error instanceof StoreError ? error.message : 'The store cannot be used.');
    } finally {
      cancelDeadline();
    }
    return this.#state;
  }

  #setError(error: string | undefined): void {
    const usable = error === undefined;
    const since = usable === this.#state.usable ? this.#state.since : this.#clock.wall();
    this.#state = { usable, since, error };
  }
}
