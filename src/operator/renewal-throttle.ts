import type { Clock } from '../tokens/clock.ts';

/** Least interval between two renewals of an account by hand. ms. */
const MIN_RENEWAL_INTERVAL_MS = 10_000;

/** Limits renewals by hand for each account: each may cost a login, and a faulty program may request them. */
export class RenewalThrottle {
  readonly #last = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 0: a renewal may begin, and is noted. Otherwise how long to wait. ms. */
  begin(account: string): number {
    const now = this.#clock.monotonic();
    for (const [other, at] of this.#last) if (now - at >= MIN_RENEWAL_INTERVAL_MS) this.#last.delete(other);
    const last = this.#last.get(account);
    if (last !== undefined) return last + MIN_RENEWAL_INTERVAL_MS - now;
    this.#last.set(account, now);
    return 0;
  }

  /** The renewal made no call, so it does not count. */
  forget(account: string): void {
    this.#last.delete(account);
  }
}
