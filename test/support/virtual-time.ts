import type { Timers } from '../../src/tokens/clock.ts';
import { FakeClock } from './clock.ts';

/** A clock and timers that only `advance` moves, so that ten minutes take no time. */
export class VirtualTime {
  readonly clock = new FakeClock();
  readonly timers: Timers = {
    after: (ms, action) => {
      const timer = { due: this.clock.monotonic() + ms, action };
      this.#pending.add(timer);
      return () => this.#pending.delete(timer);
    },
  };
  readonly #pending = new Set<{ readonly due: number; readonly action: () => void }>();

  /** Lets so much time pass. What is due happens in order, each with all that follows from it at once. */
  async advance(ms: number): Promise<void> {
    const end = this.clock.monotonic() + ms;
    for (;;) {
      await settled();
      const [next] = [...this.#pending].filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
      if (next === undefined) break;
      this.#pending.delete(next);
      this.clock.pass(Math.max(0, next.due - this.clock.monotonic()));
      next.action();
    }
    this.clock.pass(Math.max(0, end - this.clock.monotonic()));
  }
}

/** Resolves when every promise has settled that waits for no timer and no input. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
