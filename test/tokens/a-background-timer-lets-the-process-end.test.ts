import assert from 'node:assert/strict';
import { systemStoreTimes, systemTimers } from '../../src/tokens/clock.ts';

/** Timers for which Node would keep this process alive. */
const awaited = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

describe('a timer', () => {
  for (const [name, begin, more] of [
    ['keeps the process alive until it fires', () => systemTimers.after(60_000, () => undefined), 1],
    ['keeps it alive for a store as well', () => systemStoreTimes.after(60_000, () => undefined), 1],
    ['in the background lets the process end', () => systemTimers.after(60_000, () => undefined, true), 0],
  ] as const) {
    it(name, () => {
      const before = awaited();
      const cancel = begin();
      const during = awaited();
      cancel();
      assert.deepEqual([during - before, awaited() - before], [more, 0]);
    });
  }
});
