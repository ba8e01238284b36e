import assert from 'node:assert/strict';
import { FINAL_SAVES_MS } from '../../src/deadlines.ts';
import { settled } from '../support/virtual-time.ts';
import { unsavedToken } from './unsaved-token.ts';

describe('a pending write', () => {
  it('is tried after 200 ms, then after twice the time, and every 2 s in the end', async () => {
    const { time, tries, observed } = await unsavedToken();
    await time.advance(10_000);
    assert.deepEqual(tries, [200, 600, 1_400, 3_000, 5_000, 7_000, 9_000]);
    // The grant's own write, and these.
    assert.deepEqual(observed.storeFailed, Array(8).fill('write'));
  });

  it('is tried no more once the store has it', async () => {
    const { time, tries, store, observed, heal } = await unsavedToken();
    await time.advance(500);
    heal();
    await time.advance(600_000);
    assert.deepEqual(tries, [200, 600]);
    assert.equal(store.records.get('crm')?.generation, 2);
    assert.ok(!observed.storeFailed.includes('lease'));
  });

  it('is tried every 500 ms while the process ends, and given up after 12 s', async () => {
    const { time, tries, manager } = await unsavedToken();
    await time.advance(1_400);
    tries.length = 0;
    let hasEnded = false;
    const closed = manager.close().then(() => (hasEnded = true));
    // The pause that had begun.
    const begun = 3_000;
    await time.advance(begun - 1_400 + FINAL_SAVES_MS - 1);
    assert.equal(hasEnded, false);
    await time.advance(1);
    await closed;
    assert.deepEqual(
      tries,
      Array.from({ length: 1 + FINAL_SAVES_MS / 500 }, (_, index) => begun + index * 500),
    );
  });

  it('leaves no timer behind that would keep the process alive', async () => {
    const pending = new Set<object>();
    const { time, manager, heal } = await unsavedToken();
    const { after } = time.timers;
    Object.assign(time.timers, {
      after(ms: number, action: () => void, background = false) {
        const timer = {};
        if (!background) pending.add(timer);
        const cancel = after(ms, () => (pending.delete(timer), action()));
        return () => (pending.delete(timer), cancel());
      },
    });
    const closed = manager.close();
    await time.advance(3_000);
    assert.ok(pending.size > 0);
    heal();
    await time.advance(500);
    await closed;
    await settled();
    assert.equal(pending.size, 0);
  });
});
