import assert from 'node:assert/strict';
import { systemTimers } from '../../src/tokens/clock.ts';
import { FakeClock } from '../support/clock.ts';
import { failed, fakeCredential, granted, managed } from '../support/credential.ts';

/** The pause before the one quick repeat of a call. ms. */
const QUICK_RETRY_MS = 300;

describe('a refresh that may have been carried out, and a process that stands still before its quick repeat', () => {
  const stops: Readonly<Record<string, { rotationGrace: number; stop: (clock: FakeClock) => void }>> = {
    'with the machine, whose monotonic clock stands still too': {
      rotationGrace: 30_000,
      stop: (clock) => clock.jump(60_000),
    },
    'for less than a lease holds': { rotationGrace: 10_000, stop: (clock) => clock.pass(20_000) },
  };
  for (const [what, { rotationGrace, stop }] of Object.entries(stops)) {
    it(`${what}: the refresh token is not sent again after the grace, a login takes its place`, async () => {
      const clock = new FakeClock();
      const timers = {
        after: (ms: number, action: () => void, background?: boolean) => {
          if (ms !== QUICK_RETRY_MS) return systemTimers.after(ms, action, background);
          return systemTimers.after(0, () => {
            stop(clock);
            action();
          });
        },
      };
      const credential = fakeCredential(
        { rotationGrace },
        granted({ refreshSecret: 'r1' }),
        failed({ reason: 'reset', maybeSpent: true }),
      );
      const { manager } = await managed(credential, { clock, timers });
      const first = await manager.get('crm');
      assert.equal((await manager.renew('crm', first)).generation, 2);
      assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
      assert.deepEqual(credential.spent, ['r1']);
    });
  }
});
