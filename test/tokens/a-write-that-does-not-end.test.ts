import assert from 'node:assert/strict';
import { STORE_WRITE_MS } from '../../src/deadlines.ts';
import type { StoreTimes } from '../../src/tokens/clock.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { withinWriteDeadline } from '../../src/tokens/stores/write-deadline.ts';

/** A timer that goes off when the test says so. */
class Timer {
  ms = 0;
  cancelled = 0;
  goOff: () => void = () => undefined;
  readonly times: StoreTimes = {
    monotonic: () => 0,
    random: () => 0.5,
    after: (ms, action) => {
      this.ms = ms;
      this.goOff = action;
      return () => void (this.cancelled += 1);
    },
  };
}

describe('a write of a store', () => {
  it('gives what it brings, and its limit is cancelled', async () => {
    const timer = new Timer();
    assert.equal(await withinWriteDeadline(Promise.resolve(3), timer.times), 3);
    assert.deepEqual([timer.ms, timer.cancelled], [STORE_WRITE_MS, 1]);
  });

  it('rejects with its own error, and its limit is cancelled', async () => {
    const timer = new Timer();
    await assert.rejects(withinWriteDeadline(Promise.reject(new Error('full')), timer.times), /^Error: full$/);
    assert.equal(timer.cancelled, 1);
  });

  it('that has not ended in time is an error that says what may be the reason', async () => {
    const timer = new Timer();
    const write = withinWriteDeadline(new Promise(() => undefined), timer.times);
    timer.goOff();
    await assert.rejects(
      write,
      (error) =>
        error instanceof StoreError &&
        error.message.startsWith(
          `The store cannot be written: a write has not ended within ${STORE_WRITE_MS / 1_000} s.`,
        ),
    );
    assert.equal(timer.cancelled, 1);
  });
});
