import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const unanswered = failed({ reason: 'reset', reach: 'unanswered' });

describe('an early renewal that fails while the token in use lives', () => {
  for (const [left, calls] of [
    [2_500, 2],
    [2_550, 1],
  ] as const) {
    it(`for ${left} ms: ${calls === 1 ? 'is not repeated, as the token lasts until the next try' : 'is repeated at once, as the token ends before the next try'}`, async () => {
      // Renewed at 80 % of its life.
      const lifetime = (5 * left) / 1_000;
      const outcomes = [unanswered, unanswered];
      const credential = fakeCredential({ renew: 'early' }, granted({ lifetime }), ...outcomes);
      const { manager, time, token } = await inVirtualTime(credential);
      const first = await token(() => manager.get('crm'));
      time.clock.pass(4 * left);
      assert.equal(await token(() => manager.get('crm')), first);
      await settled();
      await time.advance(1_000);
      assert.equal(credential.calls.length - 1, calls);
    });
  }

  it('is tried again after half a minute, then after a minute, and every five minutes in the end', async () => {
    const at: number[] = [];
    const credential = fakeCredential({ renew: 'early' }, granted({ lifetime: 36_000 }));
    const { manager, clock, token } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    clock.pass(28_800_000);
    const start = clock.monotonic();
    const answer = (): Outcome => {
      at.push((clock.monotonic() - start) / 1_000);
      return unanswered;
    };
    credential.answers.push(...Array.from({ length: 20 }, () => answer));
    for (let second = 0; second <= 1_080; second += 5) {
      assert.equal(await token(() => manager.get('crm')), first);
      await settled();
      clock.pass(5_000);
    }
    assert.deepEqual(at, [0, 30, 60, 120, 240, 480, 780, 1_080]);
  });
});
