import { uptime } from 'node:os';

/** Both clocks, injectable so that tests can jump them. Milliseconds. */
export interface Clock {
  /** Wall clock: survives restarts, may jump. */
  wall(): number;
  /** Monotonic: never goes back; not comparable between processes. It may stand still while a machine is suspended. */
  monotonic(): number;
  /** The same, but it goes on while the machine is suspended. Without it, `monotonic` is all that is known. */
  sinceBoot?(): number;
}

/** A time by both clocks, in ms. */
export interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  // CLOCK_BOOTTIME on Linux; the counters of other systems include a suspension too.
  sinceBoot: () => uptime() * 1000,
};

/** Waiting, injectable for the same reason. */
export interface Timers {
  /**
   * Runs the action once after `ms`. The returned function cancels it. `background`: the timer does not keep the
   * process alive.
   */
  after(ms: number, action: () => void, background?: boolean): () => void;
}

export const systemTimers: Timers = {
  after(ms, action, background = false) {
    const timer = setTimeout(action, ms);
    if (background) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** What a store measures its deadlines and pauses by, injectable for simulations. */
export interface StoreTimes {
  /** Monotonic ms. */
  monotonic(): number;
  readonly after: Timers['after'];
  /** At least 0, less than 1: spreads out what would else happen at the same moment. */
  random(): number;
}

export const systemStoreTimes: StoreTimes = {
  monotonic: () => performance.now(),
  after: (ms, action) => systemTimers.after(ms, action),
  random: Math.random,
};

export function sleep(timers: Pick<Timers, 'after'>, ms: number): Promise<void> {
  return new Promise((resolve) => void timers.after(ms, resolve));
}
