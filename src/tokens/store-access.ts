import { TokenwardError } from '../errors.ts';
import type { StoreOperation } from './observer.ts';
import type { Parts } from './options.ts';
import { RecordError } from './store.ts';
import type { Work } from './work.ts';

/** While the store is away: how often somebody looks whether it is back. ms. */
const STORE_CHECK_INTERVAL_MS = 1_000;

/** The store as the manager uses it: a failure is told, and from then on somebody looks whether it is well again. */
export class StoreAccess {
  readonly #parts: Parts;
  readonly #work: Work;
  readonly #recovered: () => void;
  /** The store failed and has not been seen well since. */
  #down = false;

  /** `recovered`: the store that failed is back. */
  constructor(parts: Parts, work: Work, recovered: () => void) {
    this.#parts = parts;
    this.#work = work;
    this.#recovered = recovered;
  }

  /** As it is by now: asked after a wait, it may be another answer than before. */
  isUsable(): boolean {
    return !this.#down;
  }

  /** Rejects with a TokenwardError, or with a RecordError if it is about one row alone. */
  async run<T>(operation: StoreOperation, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      // One record that does not open says nothing about the store.
      if (error instanceof TokenwardError || error instanceof RecordError) throw error;
      this.#parts.observer.storeFailed(operation, error);
      this.#awaitRecovery();
      throw new TokenwardError('store_unavailable', { retryAfter: 2, cause: error });
    }
  }

  /** Waits for the store to come back, then sees to it that it knows what we know. Nothing runs while all is well. */
  #awaitRecovery(): void {
    if (this.#down) return;
    this.#down = true;
    const { store, timers } = this.#parts;
    const check = (): void => {
      if (this.#work.isClosing()) return;
      store.check().then(
        () => {
          this.#down = false;
          this.#recovered();
        },
        () => void timers.after(STORE_CHECK_INTERVAL_MS, check, true),
      );
    };
    timers.after(STORE_CHECK_INTERVAL_MS, check, true);
  }
}
