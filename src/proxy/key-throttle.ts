import { LRUCache } from 'lru-cache';
import { TokenwardError } from '../errors.ts';
import type { Clock } from '../tokens/clock.ts';

/** Wrong keys an address may present in a row, and how long it is not listened to after that. ms. */
const MAX_WRONG_KEYS = 20;
const PAUSE_MS = 30_000;

/**
 * Slows down whoever tries keys. Keys are random and long, so this is not what keeps them safe; it keeps the attempt
 * from costing us anything, and from filling the log.
 */
export class KeyThrottle {
  readonly #wrong = new LRUCache<string, { count: number; until: number }>({ max: 10_000 });
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What the address is told, unless it shows a right key, while it is not listened to. */
  refusal(address: string): TokenwardError | undefined {
    const known = this.#wrong.get(address);
    if (known === undefined) return undefined;
    const remainingMs = known.until - this.#clock.monotonic();
    return remainingMs > 0 ? new TokenwardError('too_many_wrong_keys', { retryAfter: remainingMs / 1000 }) : undefined;
  }

  /** The address presented a wrong key. */
  countWrongKey(address: string): void {
    const known = this.#wrong.get(address);
    // Several may have been under way when the pause began; they must not end it.
    if (known !== undefined && known.until > this.#clock.monotonic()) return;
    const count = (known?.count ?? 0) + 1;
    this.#wrong.set(
      address,
      count >= MAX_WRONG_KEYS ? { count: 0, until: this.#clock.monotonic() + PAUSE_MS } : { count, until: 0 },
    );
  }

  /** The address presented a right key. A pause that others there have earned goes on for them. */
  countRightKey(address: string): void {
    if (this.#wrong.size > 0 && this.refusal(address) === undefined) this.#wrong.delete(address);
  }
}
