import assert from 'node:assert/strict';
import { isEnding, isInLastPart, isUsable, nextToken, refreshAt } from '../../src/tokens/lifetime.ts';
import type { Token } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential } from '../support/credential.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A token of this many seconds that has just been obtained. */
function obtained(lifetime: number | undefined): { readonly token: Token; readonly clock: FakeClock } {
  const clock = new FakeClock();
  const grant = { secret: 'a', refreshSecret: 'r', lifetime, refreshLifetime: undefined };
  return { token: nextToken(1, grant, undefined, clock), clock };
}

describe('a token within its life', () => {
  it('is usable up to its last millisecond', () => {
    const { token, clock } = obtained(3_600);
    clock.pass(HOUR - 1);
    assert.equal(isUsable(token, clock), true);
    clock.pass(1);
    assert.equal(isUsable(token, clock), false);
  });

  it('that only the wall clock ends is usable up to that moment', () => {
    const { token, clock } = obtained(3_600);
    clock.jump(HOUR - 1);
    assert.equal(isUsable(token, clock), true);
    clock.jump(1);
    assert.equal(isUsable(token, clock), false);
  });

  it('that only the monotonic clock ends, because the wall clock was set back, as well', () => {
    const { token, clock } = obtained(3_600);
    clock.jump(-DAY);
    clock.pass(HOUR - 1);
    assert.equal(isUsable(token, clock), true);
    clock.pass(1);
    assert.equal(isUsable(token, clock), false);
  });

  it('that is not stated is usable always, never ends and is in no last part', () => {
    const { token, clock } = obtained(undefined);
    clock.pass(400 * DAY);
    assert.deepEqual(
      [isUsable(token, clock), isEnding(token, clock), isInLastPart(token, clock)],
      [true, false, false],
    );
    assert.equal(refreshAt(fakeCredential({ renew: 'early' }), token, 0.5), Infinity);
  });

  for (const [name, lifetime, rest] of [
    ['in its last second', 3_600, 1_000],
    ['of five seconds in its last tenth', 5, 500],
  ] as const) {
    it(`${name} may end on the way`, () => {
      const { token, clock } = obtained(lifetime);
      clock.pass(lifetime * 1000 - rest);
      assert.equal(isEnding(token, clock), false);
      clock.pass(1);
      assert.equal(isEnding(token, clock), true);
    });
  }

  for (const [name, lifetime, rest] of [
    ['in its last five minutes', 3_600, 300_000],
    ['of ten minutes in its last quarter', 600, 150_000],
  ] as const) {
    it(`${name} is renewed before a request that can be sent only once`, () => {
      const { token, clock } = obtained(lifetime);
      clock.pass(lifetime * 1000 - rest);
      assert.equal(isInLastPart(token, clock), false);
      clock.pass(1);
      assert.equal(isInLastPart(token, clock), true);
    });
  }

  it('is as near to its end as the clock says that is ahead', () => {
    const { token, clock } = obtained(3_600);
    clock.jump(HOUR - 999);
    assert.equal(isEnding(token, clock), true);
  });

  it('is as near to its end as the monotonic clock says, when the wall clock was set back before its beginning', () => {
    const { token, clock } = obtained(3_600);
    clock.jump(-DAY);
    assert.deepEqual([isEnding(token, clock), isInLastPart(token, clock)], [false, false]);
    clock.pass(HOUR - 999);
    assert.deepEqual([isEnding(token, clock), isInLastPart(token, clock)], [true, true]);
  });
});
