import { TokenwardError } from '../errors.ts';
import type { AccountCache } from './account-cache.ts';
import type { AccountState } from './account-state.ts';

/** The work under way for accounts, and whether the process is ending. */
export class Work {
  readonly #accounts: AccountCache;
  readonly #running = new Set<Promise<unknown>>();
  #closing = false;

  constructor(accounts: AccountCache) {
    this.#accounts = accounts;
  }

  /** Keeps the account's state, and delays `close`, until the work is done. */
  track<T>(state: AccountState, work: Promise<T>): void {
    this.#running.add(work);
    state.addReference();
    const done = (): void => {
      this.#running.delete(work);
      this.#accounts.leave(state);
    };
    work.then(done, done);
  }

  /** Waits for what uses the states that the account had before a reload: two renewals of one account never meet. */
  async untilReleased(state: AccountState): Promise<void> {
    state.addReference();
    try {
      await state.predecessors;
    } finally {
      this.#accounts.leave(state);
    }
    if (this.#closing) throw shuttingDown();
  }

  /** A method, not a property: the value may have changed after an await. */
  isClosing(): boolean {
    return this.#closing;
  }

  async close(): Promise<void> {
    this.#closing = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}

/** Another process will serve in a moment. */
export function shuttingDown(): TokenwardError {
  return new TokenwardError('shutting_down', { retryAfter: 1 });
}
