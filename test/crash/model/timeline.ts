import type { Clock, Timers } from '../../../src/tokens/clock.ts';

/** Something that will happen by itself when its time has come, or earlier if the script says so. */
export interface Pending {
  readonly due: number;
  /** Whose it is: what a process had running ends with it. */
  readonly owner: object;
  readonly kind: 'timer' | 'store' | 'endpoint';
  run(): void;
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise(setImmediate);
}

/** Time that passes only when told to, and what is due in it. */
export class Timeline implements Clock {
  #monotonic = 1_000;
  #wall = 1_800_000_000_000;
  readonly pending = new Set<Pending>();
  readonly #dead = new Set<object>();
  /** Processes that are stopped: what is theirs waits, whatever is due. */
  readonly stopped = new Set<object>();
  /** Somebody has set the wall clock: what leans on it alone holds no longer. */
  jumped = false;

  wall(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  jump(ms: number): void {
    this.#wall += ms;
    this.jumped = true;
  }

  add(owner: object, kind: Pending['kind'], ms: number, run: () => void): Pending {
    const pending: Pending = { due: this.#monotonic + ms, owner, kind, run };
    // A dead process may still be woken by an answer it waited for; nothing comes of what it does then.
    if (!this.#dead.has(owner)) this.pending.add(pending);
    return pending;
  }

  /** A process dies: nothing it had running happens any more. */
  bury(owner: object): void {
    this.#dead.add(owner);
    for (const one of this.pending) if (one.owner === owner) this.pending.delete(one);
  }

  timersOf(owner: object): Timers {
    return {
      after: (ms, action) => {
        const timer = this.add(owner, 'timer', ms, action);
        return () => void this.pending.delete(timer);
      },
    };
  }

  async now(pending: Pending): Promise<void> {
    if (!this.pending.delete(pending)) return;
    pending.run();
    await settle();
  }

  /** The whole machine sleeps: time has passed afterwards, and nothing has happened in it. */
  sleep(ms: number): void {
    this.#go(this.#monotonic + ms);
  }

  /** Lets so much time go by; whatever becomes due in it happens, in order. */
  async pass(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      let next: Pending | undefined;
      for (const one of this.pending)
        if (one.due <= end && !this.stopped.has(one.owner) && (next === undefined || one.due < next.due)) next = one;
      if (next === undefined) break;
      this.#go(next.due);
      await this.now(next);
    }
    this.#go(end);
  }

  #go(to: number): void {
    if (to <= this.#monotonic) return;
    this.#wall += to - this.#monotonic;
    this.#monotonic = to;
  }
}
