import type { Clock } from './clock.ts';
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
  #state: StoreState;
  #running: Promise<StoreState> | undefined;

  /** An opened store counts as usable until a check fails. */
  constructor(store: Pick<TokenStore, 'check'>, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
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
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new StoreError(`The store has not responded within ${CHECK_DEADLINE_MS / 1000} s.`)),
        CHECK_DEADLINE_MS,
      );
      timer.unref();
    });
    try {
      await Promise.race([this.#store.check(), deadline]);
      this.#setError(undefined);
    } catch (error) {
      this.#setError(error instanceof StoreError ? error.message : 'The store cannot be used.');
    } finally {
      clearTimeout(timer);
    }
    return this.#state;
  }

  #setError(error: string | undefined): void {
    const usable = error === undefined;
    if (usable !== this.#state.usable) this.#state = { usable, since: this.#clock.wall(), error };
    else if (error !== this.#state.error) this.#state = { ...this.#state, error };
  }
}
