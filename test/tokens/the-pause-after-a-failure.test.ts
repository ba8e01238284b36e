import assert from 'node:assert/strict';
import type { Credential, Outcome } from '../../src/tokens/credential.ts';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const budget = { key: 'logins', logins: 100, window: 86_400_000, reserve: 0 };
const answered = failed();
const unanswered = failed({ reason: 'reset', reach: 'unanswered' });
const unsent = failed({ reason: 'connect' });
const busy = (retryAfter?: number): Outcome => ({ kind: 'busy', reason: 'rate_limited', retryAfter });

/**
 * The pauses, ms, that follow these outcomes one after the other. Each request comes at the end of the pause before it,
 * to the millisecond. The jitter is half of what it may be: an eighth.
 */
async function pausesAfter(change: Partial<Credential>, ...outcomes: Outcome[]): Promise<number[]> {
  const credential = fakeCredential(change);
  const { manager, clock, token, error } = await inVirtualTime(credential);
  const rejected = change.canRefresh === false ? undefined : await token(() => manager.get('crm'));
  const request = () => (rejected === undefined ? manager.get('crm') : manager.renew('crm', rejected));
  const pauses: number[] = [];
  for (const [index, outcome] of outcomes.entries()) {
    // The first call that fails is repeated once, soon.
    credential.answers.push(outcome, ...(index === 0 ? [outcome] : []));
    const { code, retryAfter } = await error(request);
    const left = credential.answers.splice(0).length;
    assert.ok(left === 0 || (index === 0 && left === 1), 'each request comes to a call');
    const pause = manager.status()[0]!.retryAt! - clock.wall();
    assert.deepEqual([code, retryAfter], ['token_unavailable', Math.ceil(pause / 1_000)]);
    pauses.push(pause);
    const before = credential.calls.length;
    await error(request);
    clock.pass(pause - 1);
    await error(request);
    assert.equal(credential.calls.length, before, 'no call before the end of the pause');
    clock.pass(1);
  }
  await token(request);
  return pauses;
}

const times = (count: number, outcome: Outcome): Outcome[] => Array.from({ length: count }, () => outcome);

describe('the pause after a failure', () => {
  it('of a refresh is 2 s and up to a quarter more, doubles, and is never longer than 15 s and a quarter', async () => {
    assert.deepEqual(await pausesAfter({}, ...times(6, unanswered)), [2_250, 4_500, 9_000, 16_875, 16_875, 16_875]);
  });

  it('of a login is never longer than 30 s and a quarter', async () => {
    const pauses = await pausesAfter({ canRefresh: false }, ...times(7, answered));
    assert.deepEqual(pauses, [2_250, 4_500, 9_000, 18_000, 33_750, 33_750, 33_750]);
  });

  it('of a login that a budget counts grows to five minutes and a quarter', async () => {
    const pauses = await pausesAfter({ canRefresh: false, budget }, ...times(10, answered));
    assert.deepEqual(pauses.slice(0, 5), [2_250, 4_500, 9_000, 18_000, 36_000]);
    assert.deepEqual(pauses.slice(5), [72_000, 144_000, 288_000, 337_500, 337_500]);
  });

  it('is a second where nothing was sent, however often', async () => {
    assert.deepEqual(
      await pausesAfter({}, ...times(5, unsent)),
      times(5, unsent).map(() => 1_000),
    );
  });

  it('does not grow by calls of which nothing was sent', async () => {
    const { manager, token, error, leave, stored } = await inVirtualTime(
      fakeCredential({}, granted(), unsent, unanswered),
    );
    const first = await token(() => manager.get('crm'));
    await leave({ failures: 2 });
    await error(() => manager.renew('crm', first));
    assert.equal((await stored()).failures, 2);
    await leave({ retryAt: undefined });
    await error(() => manager.renew('crm', first));
    assert.equal((await stored()).failures, 3);
  });

  it('counts a first call of which nothing was sent: the next one is not repeated at once', async () => {
    const credential = fakeCredential({}, granted(), unsent, unsent, unanswered);
    const { manager, clock, token, error } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await error(() => manager.renew('crm', first));
    clock.pass(1_000);
    await error(() => manager.renew('crm', first));
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh', 'refresh']);
  });

  it('is what the endpoint asks for: a second at least, ten minutes at most', async () => {
    const asked = [0, 0.5, 1, 60, 600, 3_600];
    const expected = [1_000, 1_000, 1_000, 60_000, 600_000, 600_000];
    const refreshes = asked.map((retryAfter) => failed({ reason: 'reset', reach: 'unanswered', retryAfter }));
    assert.deepEqual(await pausesAfter({}, ...refreshes), expected);
    assert.deepEqual(await pausesAfter({ canRefresh: false }, ...asked.map(busy)), expected);
  });

  it('of an endpoint that is busy and asks for none is as long as after a failure', async () => {
    assert.deepEqual(await pausesAfter({}, busy(), busy()), [2_250, 4_500]);
  });

  it('is that of a refresh after a login in place of a failing one, whose refresh token is kept', async () => {
    const credential = fakeCredential({ budget }, granted({ refreshSecret: 'r1' }), answered, answered);
    const { manager, clock, token, error, leave } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await leave({ failures: 8, refreshFailures: 2 });
    assert.equal((await error(() => manager.renew('crm', first))).retryAfter, 17);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
    clock.pass(16_875);
    await token(() => manager.renew('crm', first));
    assert.deepEqual(credential.spent, ['r1', 'r1']);
  });

  it('is that of a budgeted login after a login in place of a refresh token that may be spent', async () => {
    const lost = failed({ reason: 'reset', maybeSpent: true });
    const credential = fakeCredential({ budget }, granted(), lost, answered);
    const { manager, token, error, leave } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await leave({ failures: 8 });
    assert.equal((await error(() => manager.renew('crm', first))).retryAfter, 338);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'login']);
  });

  it('is that of a budgeted login where a refresh token was granted that the flow does not use', async () => {
    const credential = fakeCredential({ canRefresh: false, budget }, granted(), answered);
    const { manager, token, error, leave } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await leave({ failures: 8 });
    assert.equal((await error(() => manager.renew('crm', first))).retryAfter, 338);
  });

  it('is over when the wall clock was set back so far that it would be longer than any', async () => {
    const { manager, clock, token, leave } = await inVirtualTime(fakeCredential());
    const first = await token(() => manager.get('crm'));
    await leave({ failures: 1, retryAt: clock.wall() + 600_001 });
    assert.equal((await token(() => manager.renew('crm', first))).generation, 2);
  });

  it('is named as such to the observer', async () => {
    const { manager, token, error, observed } = await inVirtualTime(fakeCredential({}, granted(), unsent, unsent));
    const first = await token(() => manager.get('crm'));
    await error(() => manager.renew('crm', first));
    assert.deepEqual(observed.suppressed, []);
    await error(() => manager.renew('crm', first));
    assert.deepEqual(observed.suppressed, ['cooldown']);
  });
});
