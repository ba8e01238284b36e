import assert from 'node:assert/strict';
import { systemStoreTimes, systemTimers } from '../../src/tokens/clock.ts';

for (const [name, timers] of [
  ['a timer', systemTimers],
  ["a store's timer", systemStoreTimes],
] as const) {
  describe(name, () => {
    it('that was cancelled never fires, while others do', async () => {
      const fired: string[] = [];
      const cancel = timers.after(1, () => void fired.push('cancelled'));
      cancel();
      await new Promise<void>((resolve) => {
        timers.after(5, () => {
          fired.push('other');
          resolve();
        });
      });
      assert.deepEqual(fired, ['other']);
    });
  });
}
