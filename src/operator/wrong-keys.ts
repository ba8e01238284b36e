import type { Clock } from '../tokens/clock.ts';

/** Wrong keys in a row after which an address waits, and how long (ms). */
const MAX_WRONG = 10;
const PAUSE_MS = 30_000;
/** Addresses that are remembered. */
const MAX_ADDRESSES = 10_000;

/** Slows down whoever guesses the operator's key. The right key is accepted all the same: it is long and random. */
export class WrongKeys {
  readonly #wrong = new Map<string, { count: number; until: number }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long the address still has to wait. ms; 0: it may try. */
  wait(address: string): number {
    return Math.max(0, (this.#wrong.get(address)?.until ?? 0) - this.#clock.monotonic());
  }

  count(address: string): void {
    const known = this.#wrong.get(address);
    const count = (known?.count ?? 0) + 1;
    if (known === undefined && this.#wrong.size >= MAX_ADDRESSES) this.#wrong.delete(this.#wrong.keys().next().value!);
    const isOver = count >= MAX_WRONG;
    this.#wrong.set(address, { count: isOver ? 0 : count, until: isOver ? this.#clock.monotonic() + PAUSE_MS : 0 });
  }

  forget(address: string): void {
    if (this.wait(address) === 0) this.#wrong.delete(address);
  }
}
