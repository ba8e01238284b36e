/** Both clocks, injectable so that tests can jump them. Milliseconds. */
export interface Clock {
  /** Wall clock: survives restarts, may jump. */
  wall(): number;
  /** Monotonic: never goes back, means nothing in another process. */
  monotonic(): number;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
};
