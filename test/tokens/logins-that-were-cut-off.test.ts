import assert from 'node:assert/strict';
import { fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 0 };

/** An account whose last logins, so many in a row, ended without a stored result; the last began `age` ms ago. */
async function cutOff(attempt: number, age: number) {
  const credential = fakeCredential({ canRefresh: false, budget }, granted());
  const world = await inVirtualTime(credential);
  const first = await world.token(() => world.manager.get('crm'));
  await world.leave({ intent: { kind: 'login', attempt, startedAt: world.clock.wall() - age } });
  return { ...world, credential, request: () => world.manager.renew('crm', first) };
}

describe('logins that were cut off before their result was stored', () => {
  const cases: [string, number, number, number | undefined][] = [
    ['the first is made again at once', 1, 0, undefined],
    ['the second is made again a minute later', 2, 0, 60],
    ['the third two minutes later', 3, 0, 120],
    ['the fourth four minutes later', 4, 0, 240],
    ['any after it five minutes later', 5, 0, 300],
    ['however many there were', 9, 0, 300],
    ['the pause ends by the clock', 2, 20_000, 40],
    ['a millisecond before its end it is not over', 2, 59_999, 1],
    ['at its end it is over', 2, 60_000, undefined],
    ['a login in the future, before the clock was set back, begins no pause', 5, -1, undefined],
  ];
  for (const [name, attempt, age, retryAfter] of cases)
    it(name, async () => {
      const { request, token, error, credential } = await cutOff(attempt, age);
      if (retryAfter === undefined) assert.equal((await token(request)).generation, 2);
      else {
        const refusal = await error(request);
        assert.deepEqual([refusal.code, refusal.retryAfter], ['token_unavailable', retryAfter]);
      }
      assert.equal(credential.calls.length, retryAfter === undefined ? 2 : 1);
    });

  it('the pause is said to callers, in the status and to the observer, and takes no login from the budget', async () => {
    const { request, error, manager, observed, store } = await cutOff(2, 0);
    const { detail } = await error(request);
    assert.match(detail ?? '', /^account crm: several logins/);
    assert.match(manager.status()[0]?.problem ?? '', /^several logins/);
    assert.deepEqual(observed.suppressed, ['lost_login']);
    assert.equal(store.debits.get('logins')?.length, 1);
  });

  it('the pause does not hold an operator who spends the reserve', async () => {
    const { manager, token, credential } = await cutOff(5, 0);
    await token(() => manager.renewNow('crm', { useReserve: true }));
    assert.equal(credential.calls.length, 2);
  });

  it('the pause holds an operator who does not', async () => {
    const { manager, error } = await cutOff(5, 0);
    assert.equal((await error(() => manager.renewNow('crm'))).retryAfter, 300);
  });

  it('the note counts them, and is gone after one that comes to an end', async () => {
    const { request, token, stored, store, records } = await cutOff(1, 0);
    const attempts: (number | undefined)[] = [];
    store.beforeReplace = async () => void attempts.push((await records.read('crm')).intent?.attempt);
    await token(request);
    assert.deepEqual(attempts, [1, 2]);
    assert.equal((await stored()).intent, undefined);
  });
});
