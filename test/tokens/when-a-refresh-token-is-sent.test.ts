import assert from 'node:assert/strict';
import type { Credential } from '../../src/tokens/credential.ts';
import type { SpendNote } from '../../src/tokens/record-marks.ts';
import { fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const GRACE = 30_000;

/** The calls of a renewal that finds a note of a refresh, left by an earlier process `age` ms ago. */
async function callsAfterNote(change: Partial<Credential>, age: number, note: Partial<SpendNote> = {}) {
  const credential = fakeCredential({ rotationGrace: GRACE, ...change });
  const { manager, clock, bring, leave, token, error } = await inVirtualTime(credential);
  await bring('a1', 'r1');
  const first = await token(() => manager.get('crm'));
  await leave({ intent: { kind: 'refresh', attempt: 1, ...note, startedAt: clock.wall() - age } });
  const request = () => manager.renew('crm', first);
  if (change.canLogin === false && (note.attempt ?? 1) > 1)
    assert.equal((await error(request)).code, 'credential_dead');
  else assert.equal((await token(request)).generation, 2);
  return credential.calls;
}

describe('a refresh token that an earlier process may have spent', () => {
  const cases: [string, number, Partial<SpendNote>, 'refresh' | 'login'][] = [
    ['in the same millisecond is sent once more', 0, {}, 'refresh'],
    ['within the grace of the endpoint is sent once more', GRACE - 1_001, {}, 'refresh'],
    [
      'a second before the end of the grace, which may be over when it arrives, is sent no more',
      GRACE - 1_000,
      {},
      'login',
    ],
    ['twice is sent no more, though the grace lasts', 1, { attempt: 2 }, 'login'],
    ['in the future, before the clock was set back, is sent no more', -1, {}, 'login'],
  ];
  for (const [name, age, note, call] of cases)
    it(name, async () => assert.deepEqual(await callsAfterNote({}, age, note), [call]));

  it('is sent once more within nine tenths of a short grace', async () => {
    assert.deepEqual(await callsAfterNote({ rotationGrace: 2_000 }, 1_799), ['refresh']);
    assert.deepEqual(await callsAfterNote({ rotationGrace: 2_000 }, 1_800), ['login']);
  });

  it('is sent no more where the endpoint has no grace', async () => {
    assert.deepEqual(await callsAfterNote({ rotationGrace: 0 }, 0), ['login']);
  });

  it('is sent once more, whatever the grace, by an account that knows no login', async () => {
    assert.deepEqual(await callsAfterNote({ canLogin: false, rotationGrace: 0 }, 3_600_000), ['refresh']);
  });

  it('is not sent a third time by an account that knows no login', async () => {
    assert.deepEqual(await callsAfterNote({ canLogin: false }, 1, { attempt: 2 }), []);
  });
});

describe('a refresh token', () => {
  it('is sent though a login of an earlier process was cut off', async () => {
    assert.deepEqual(await callsAfterNote({}, 0, { kind: 'login' }), ['refresh']);
  });

  for (const [before, call] of [
    [1, 'refresh'],
    [0, 'login'],
  ] as const)
    it(`${before} ms before its end: the call is a ${call}`, async () => {
      const credential = fakeCredential({}, granted({ refreshLifetime: 60 }));
      const { manager, clock, token } = await inVirtualTime(credential);
      const first = await token(() => manager.get('crm'));
      clock.pass(60_000 - before);
      await token(() => manager.renew('crm', first));
      assert.deepEqual(credential.calls, ['login', call]);
    });

  it('that was granted is not sent where the flow has no refresh', async () => {
    const credential = fakeCredential({ canRefresh: false }, granted());
    const { manager, token } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await token(() => manager.renew('crm', first));
    assert.deepEqual([credential.calls, credential.spent], [['login', 'login'], []]);
  });

  it('that was never granted cannot be sent: the account logs in again', async () => {
    const credential = fakeCredential({}, granted({ refreshSecret: undefined }));
    const { manager, token } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await token(() => manager.renew('crm', first));
    assert.deepEqual(credential.calls, ['login', 'login']);
  });
});
