import { TokenwardError } from '../errors.ts';
import type { AccountCache } from './account-cache.ts';
import type { AccountState } from './account-state.ts';

/** What this process is doing for its accounts, and whether it is to end. */
export class Work {
  readonly #accounts: AccountCache;
  readonly #running = new Set<Promise<unknown>>();
  #closing = false;

  constructor(accounts: AccountCache) {
    this.#accounts = accounts;
  }

  /** Keeps the account's state, and the process, until the work is over. */
  track<T>(state: AccountState, work: Promise<T>): void {
    this.#running.add(work);
    state.addReference();
    const done = (): void => {
      this.#running.delete(work);
      this.#accounts.leave(state);
    };
    work.then(done, done);
  }

  /** As it is by now: asked after a wait, it may be another answer than before. */
  isClosing(): boolean {
    return this.#closing;
  }

  async close(): Promise<void> {
    this.#closing = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }
}

/** Another process answers in a moment. */
export function shuttingDown(): TokenwardError {
  return new TokenwardError('shutting_down', { retryAfter: 1 });
}
