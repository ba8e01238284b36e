import type { Clock } from '../tokens/clock.ts';

/** An account is renewed by hand once in this time. ms. */
const MIN_INTERVAL_MS = 10_000;

/**
 * Keeps renewals by hand apart, account by account: each may cost a login, and whoever asks may be a program gone
 * wrong.
 */
export class RenewalThrottle {
  readonly #last = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: one may begin, and has. Otherwise how long to wait. ms. */
  begin(account: string): number {
    const now = this.#clock.monotonic();
    for (const [other, at] of this.#last) if (now - at >= MIN_INTERVAL_MS) this.#last.delete(other);
    const last = this.#last.get(account);
    if (last !== undefined) return last + MIN_INTERVAL_MS - now;
    this.#last.set(account, now);
    return 0;
  }

  /** It came to nothing that could have cost anything. */
  forget(account: string): void {
    this.#last.delete(account);
  }
}
