import assert from 'node:assert/strict';
import type { CredentialRecord } from '../../src/tokens/records.ts';
import { fakeCredential, granted, refused } from '../support/credential.ts';
import { inVirtualTime, type InVirtualTime } from './in-virtual-time.ts';

const HOUR = 3_600_000;
const PAUSE = 180_000;

/** An account whose login is refused, where the record says this of the logins before it. */
async function refusedAfter(before: (now: number) => Partial<CredentialRecord>) {
  const credential = fakeCredential({ canRefresh: false }, granted(), refused);
  const world: InVirtualTime = await inVirtualTime(credential);
  const first = await world.token(() => world.manager.get('crm'));
  await world.leave(before(world.clock.wall()));
  const error = await world.error(() => world.manager.renew('crm', first));
  return { ...world, credential, first, refusal: error };
}

describe('a login that is refused', () => {
  const cases: [string, (now: number) => Partial<CredentialRecord>, boolean][] = [
    ['and worked just now is doubted', (now) => ({ loggedInAt: now }), true],
    ['and worked within the last hour is doubted', (now) => ({ loggedInAt: now - HOUR + 1 }), true],
    ['and worked an hour ago is believed', (now) => ({ loggedInAt: now - HOUR }), false],
    ['and worked in the future, before the clock was set back, is believed', (now) => ({ loggedInAt: now + 1 }), false],
    ['and never worked is believed', () => ({ loggedInAt: undefined }), false],
    ['and is doubted since this millisecond still is', (now) => doubted(now), true],
    ['long before the second look is still doubted', (now) => doubted(now - 161_999), true],
    ['at the second look is believed', (now) => doubted(now - 162_000), false],
    ['and is doubted since the future, before the clock was set back, is believed', (now) => doubted(now + 1), false],
  ];
  for (const [name, before, isDoubted] of cases)
    it(name, async () => {
      const { refusal, stored } = await refusedAfter(before);
      assert.equal(refusal.code, isDoubted ? 'token_unavailable' : 'credential_dead');
      assert.equal((await stored()).dead === undefined, isDoubted);
    });

  it('is looked at a second time three minutes after the first refusal, whatever came in between', async () => {
    const { clock, refusal, stored, manager } = await refusedAfter((now) => doubted(now - 60_000));
    assert.equal(refusal.retryAfter, 120);
    const { doubt, retryAt, failures } = await stored();
    const now = clock.wall();
    assert.deepEqual([doubt?.since, retryAt, failures], [now - 60_000, now + 120_000, 1]);
    assert.equal(manager.status()[0]?.retryAt, now + 120_000);
  });

  it('with others than the doubted credentials is doubted from now on', async () => {
    const { clock, stored } = await refusedAfter((now) => ({
      loggedInAt: now,
      doubt: { since: now - 60_000, credentials: 'others' },
    }));
    const now = clock.wall();
    const { doubt, retryAt } = await stored();
    assert.deepEqual([doubt, retryAt], [{ since: now, credentials: 'which' }, now + PAUSE]);
  });

  it('says what the endpoint said, and that it is tried once more', async () => {
    const { refusal, manager } = await refusedAfter((now) => ({ loggedInAt: now }));
    assert.match(refusal.detail ?? '', /^account crm: .*status 401.*once more/);
    assert.match(manager.status()[0]?.problem ?? '', /status 401.*once more/);
  });

  it('and believed is told to every further request, of which no call comes', async () => {
    const { error, manager, first, credential, observed } = await refusedAfter(() => ({ loggedInAt: undefined }));
    const { code, detail } = await error(() => manager.renew('crm', first));
    assert.deepEqual([code, observed.suppressed], ['credential_dead', ['dead']]);
    assert.match(detail ?? '', /^account crm: .*status 401/);
    assert.equal(credential.calls.length, 2);
  });

  function doubted(since: number): Partial<CredentialRecord> {
    return { doubt: { since, credentials: 'which' }, loggedInAt: undefined };
  }
});
