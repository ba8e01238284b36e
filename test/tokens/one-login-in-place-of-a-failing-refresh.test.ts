import assert from 'node:assert/strict';
import type { CredentialRecord } from '../../src/tokens/records.ts';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

/** The calls of a renewal whose refresh fails once more, where the record says this of those before it. */
async function callsAfter(before: (now: number) => Partial<CredentialRecord>, outcome = failed()): Promise<string[]> {
  const credential = fakeCredential({}, granted(), outcome);
  const { manager, clock, token, leave } = await inVirtualTime(credential);
  const first = await token(() => manager.get('crm'));
  await leave({ failures: 1, ...before(clock.wall()) });
  await token(() => manager.renew('crm', first)).catch(() => undefined);
  return credential.calls.slice(1);
}

describe('a refresh that fails though its endpoint answers', () => {
  const cases: [string, (now: number) => Partial<CredentialRecord>, string[]][] = [
    ['for the second time in a row is not given up yet', () => ({ refreshFailures: 1 }), ['refresh']],
    ['for the third time is followed by a login', () => ({ refreshFailures: 2 }), ['refresh', 'login']],
    [
      'again less than five minutes after such a login is not followed by another one',
      (now) => ({ refreshFailures: 3, gaveUpAt: now - 299_999 }),
      ['refresh'],
    ],
    [
      'again in the very millisecond of such a login is not followed by another one',
      (now) => ({ refreshFailures: 3, gaveUpAt: now }),
      ['refresh'],
    ],
    [
      'again five minutes after such a login is followed by another one',
      (now) => ({ refreshFailures: 3, gaveUpAt: now - 300_000 }),
      ['refresh', 'login'],
    ],
    [
      'after such a login in the future, before the clock was set back, is followed by another one',
      (now) => ({ refreshFailures: 3, gaveUpAt: now + 1 }),
      ['refresh', 'login'],
    ],
  ];
  for (const [name, before, calls] of cases) it(name, async () => assert.deepEqual(await callsAfter(before), calls));
});

describe('a refresh that fails without an answer', () => {
  it('is never followed by a login: the endpoint cannot be reached for that either', async () => {
    const outcome = failed({ reason: 'reset', reach: 'unanswered' });
    assert.deepEqual(await callsAfter(() => ({ refreshFailures: 2 }), outcome), ['refresh']);
  });
});

describe('a refresh that may have been carried out and is given up', () => {
  it('is not made again after the login in its place has failed as well: the note of that says nothing of it', async () => {
    const cut = failed({ reason: 'reset', reach: 'unanswered', maybeSpent: true });
    const credential = fakeCredential({ rotationGrace: 30_000 }, granted(), cut, failed());
    const { manager, time, token, leave } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await leave({ failures: 1, refreshFailures: 3 });
    await token(() => manager.renew('crm', first)).catch(() => undefined);
    await time.advance(300_000);
    await token(() => manager.renew('crm', first));
    assert.equal(credential.spent.length, 1);
  });
});

describe('a refresh that is given up and has not been carried out', () => {
  it('is made again after the login in its place has failed as well, also beside the note of an earlier login', async () => {
    const credential = fakeCredential({}, granted(), failed(), failed());
    const { manager, time, token, leave, clock } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    const intent = { kind: 'login', attempt: 1, startedAt: clock.wall() } as const;
    await leave({ failures: 1, refreshFailures: 3, intent });
    await token(() => manager.renew('crm', first)).catch(() => undefined);
    await time.advance(300_000);
    await token(() => manager.renew('crm', first));
    assert.deepEqual(credential.calls.slice(1), ['refresh', 'login', 'refresh']);
  });
});
