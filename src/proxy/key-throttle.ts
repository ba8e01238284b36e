import { LRUCache } from 'lru-cache';
import { TokenwardError } from '../errors.ts';
import type { Clock } from '../tokens/clock.ts';

/** Wrong keys in a row after which an address is blocked, and for how long (ms). */
const MAX_WRONG_KEYS = 20;
const PAUSE_MS = 30_000;

/**
 * Slows down the guessing of keys. Keys are random and long, so security does not depend on it; it limits the cost of
 * attempts and their lines in the log.
 */
export class KeyThrottle {
  readonly #wrong = new LRUCache<string, { count: number; until: number }>({ max: 10_000 });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The error for this address while it is blocked, unless it sends a right key. */
  refusal(address: string): TokenwardError | undefined {
    const known = this.#wrong.get(address);
    if (known === undefined) return undefined;
    const remainingMs = known.until - this.#clock.monotonic();
    return remainingMs > 0 ? new TokenwardError('too_many_wrong_keys', { retryAfter: remainingMs / 1000 }) : undefined;
  }

  countWrongKey(address: string): void {
    const known = this.#wrong.get(address);
    // Others may have been in flight when the block began; they must not end it.
    if (known !== undefined && known.until > this.#clock.monotonic()) return;
    const count = (known?.count ?? 0) + 1;
    this.#wrong.set(
      address,
      count >= MAX_WRONG_KEYS ? { count: 0, until: this.#clock.monotonic() + PAUSE_MS } : { count, until: 0 },
    );
  }

  /** Resets the count. A block stays: others at this address have earned it. */
  countRightKey(address: string): void {
    if (this.#wrong.size > 0 && this.refusal(address) === undefined) this.#wrong.delete(address);
  }
}
