import type { Clock } from '../../src/tokens/clock.ts';

/** A clock that stands still unless told otherwise. */
export class FakeClock implements Clock {
  #wall = Date.now();
  #monotonic = 1_000;
  #sinceBoot = 2_000;

  wall(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sinceBoot(): number {
    return this.#sinceBoot;
  }

  /** Time goes by. */
  pass(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
    this.#sinceBoot += ms;
  }

  /** The machine is suspended for so long: the monotonic clock stands still. */
  suspend(ms: number): void {
    this.#wall += ms;
    this.#sinceBoot += ms;
  }

  /** Somebody sets the wall clock; the monotonic one does not know. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}
