import { TokenwardError } from '../errors.ts';
import type { StoreOperation } from './observer.ts';
import type { Parts } from './options.ts';
import { RecordError } from './store.ts';
import type { Work } from './work.ts';

/** Interval between checks while the store cannot be used. ms. */
const STORE_CHECK_INTERVAL_MS = 1_000;

/**
 * The store as the manager uses it: a failure is reported, and from then on the store is checked until it works again.
 */
export class StoreAccess {
  readonly #parts: Parts;
  readonly #work: Work;
  readonly #recovered: () => void;
  /** The store failed, and no check has succeeded since. */
  #down = false;

  /** `recovered` is called when a store that failed is back. */
  constructor(parts: Parts, work: Work, recovered: () => void) {
    this.#parts = parts;
    this.#work = work;
    this.#recovered = recovered;
  }

  /** A method, not a property: the value may have changed after an await. */
  isUsable(): boolean {
    return !this.#down;
  }

  /** Rejects with a TokenwardError, or with a RecordError that concerns one row only. */
  async run<T>(operation: StoreOperation, action: () => Promise<T>): Promise<T> {
    const { clock, observer } = this.#parts;
    const from = clock.monotonic();
    try {
      const result = await action();
      observer.storeUsed?.(operation, (clock.monotonic() - from) / 1000);
      return result;
    } catch (error) {
      // A record that cannot be opened says nothing about the store.
      if (error instanceof TokenwardError || error instanceof RecordError) throw error;
      observer.storeFailed(operation, error);
      this.#awaitRecovery();
      throw new TokenwardError('store_unavailable', { retryAfter: 2, cause: error });
    }
  }

  /** Checks until the store is back, then calls `#recovered`. No timer runs while the store works. */
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
