import assert from 'node:assert/strict';
import type { Credential, Outcome } from '../../src/tokens/credential.ts';
import { failed, fakeCredential, granted, refused } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const lost = failed({ reason: 'reset', maybeSpent: true });
const answered = failed({ retryAfter: 60 });
const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 0 };

/** An account with the refresh token `r1`, whose next calls have these outcomes. */
async function renewing(change: Partial<Credential>, ...outcomes: Outcome[]) {
  const credential = fakeCredential({ budget, ...change }, granted({ refreshSecret: 'r1', refreshLifetime: 60 }));
  const world = await inVirtualTime(credential);
  const first = await world.token(() => world.manager.get('crm'));
  credential.answers.push(...outcomes);
  credential.calls.length = 0;
  let debits = 0;
  const debit = world.store.debit.bind(world.store);
  world.store.debit = (...args) => ((debits += 1), debit(...args));
  let writes = 0;
  world.store.beforeReplace = () => void (writes += 1);
  const request = () => world.manager.renew('crm', first);
  return { ...world, credential, request, debits: () => debits, writes: () => writes };
}

describe('a refresh token that is of no more use leaves the record before the login that takes its place', () => {
  it('when it was refused: it is sent once, also within a grace, and one login is counted', async () => {
    const { request, error, credential, stored, debits, clock, token } = await renewing(
      { rotationGrace: 30_000 },
      refused,
      answered,
    );
    await error(request);
    assert.equal((await stored()).token?.hasRefresh, false);
    assert.deepEqual([credential.calls, debits()], [['refresh', 'login'], 1]);
    clock.pass(60_000);
    await token(request);
    assert.deepEqual([credential.calls.at(-1), credential.spent], ['login', ['r1']]);
  });

  it('when it may have been spent: it is not sent again, and one login is counted', async () => {
    const { request, error, credential, stored, debits, clock, token } = await renewing({}, lost, answered);
    await error(request);
    assert.equal((await stored()).token?.hasRefresh, false);
    assert.deepEqual([credential.calls, debits()], [['refresh', 'login'], 1]);
    clock.pass(60_000);
    await token(request);
    assert.deepEqual([credential.calls.at(-1), credential.spent], ['login', ['r1']]);
  });

  it('when it may have been spent twice, within a grace', async () => {
    const { request, token, credential, debits, stored } = await renewing({ rotationGrace: 30_000 }, lost, lost);
    await token(request);
    assert.deepEqual([credential.calls, debits()], [['refresh', 'refresh', 'login'], 1]);
    assert.equal((await stored()).intent, undefined);
  });

  it('when an earlier process may have spent it', async () => {
    const { request, error, credential, stored, leave, clock, token } = await renewing({}, answered);
    await leave({ intent: { kind: 'refresh', attempt: 1, startedAt: clock.wall() } });
    await error(request);
    assert.equal((await stored()).token?.hasRefresh, false);
    clock.pass(60_000);
    await token(request);
    assert.deepEqual([credential.calls, credential.spent], [['login', 'login'], []]);
  });

  it('when it has ended', async () => {
    const { request, error, credential, stored, clock } = await renewing({}, answered);
    clock.pass(60_000);
    await error(request);
    assert.equal((await stored()).token?.hasRefresh, false);
    assert.deepEqual(credential.calls, ['login']);
  });

  it('when an operator asks for a login', async () => {
    const { manager, error, credential, stored } = await renewing({}, answered);
    await error(() => manager.renewNow('crm', { login: true }));
    assert.equal((await stored()).token?.hasRefresh, false);
    assert.deepEqual(credential.calls, ['login']);
  });
});

describe('a refresh', () => {
  it('that is granted writes the record twice, its note and its token, and counts no login', async () => {
    const { request, token, writes, debits } = await renewing({});
    await token(request);
    assert.deepEqual([writes(), debits()], [2, 0]);
  });

  it('that may have been spent makes no login while the token in use lasts', async () => {
    const early = fakeCredential({ renew: 'early' }, granted({ refreshSecret: 'r1' }), lost);
    const { manager, clock, token, time, stored } = await inVirtualTime(early);
    const first = await token(() => manager.get('crm'));
    clock.pass(3_000_000);
    assert.equal(await token(() => manager.get('crm')), first);
    await time.advance(1_000);
    assert.deepEqual(early.calls, ['login', 'refresh']);
    assert.equal((await stored()).intent?.kind, 'refresh');
  });

  it('of an account that knows no login is repeated once if it may have been spent, and never followed by one', async () => {
    const credential = fakeCredential({ canLogin: false }, lost, lost);
    const { manager, clock, bring, token, error } = await inVirtualTime(credential);
    await bring('a1', 'r1');
    const first = await token(() => manager.get('crm'));
    const request = () => manager.renew('crm', first);
    assert.equal((await error(request)).code, 'token_unavailable');
    clock.pass(60_000);
    const { code, detail } = await error(request);
    assert.equal(code, 'credential_dead');
    assert.match(
      detail ?? '',
      /has ended, or may have been spent already; import a new one with: tokenward import crm/,
    );
    assert.deepEqual(
      [credential.calls, credential.spent],
      [
        ['refresh', 'refresh'],
        ['r1', 'r1'],
      ],
    );
  });
});

describe('a call that cannot be built from the configuration', () => {
  for (const kind of ['refresh', 'login'] as const)
    it(`ends the account until a person acts, and says why: a ${kind}`, async () => {
      const impossible: Outcome = { kind: 'impossible', reason: 'the user name is empty' };
      const { request, error, credential, manager } = await renewing({ canRefresh: kind === 'refresh' }, impossible);
      for (let i = 0; i < 3; i += 1) {
        const { code, detail } = await error(request);
        assert.deepEqual([code, detail], ['credential_dead', 'account crm: the user name is empty']);
      }
      assert.deepEqual([credential.calls, manager.status()[0]?.dead], [[kind], true]);
    });
});
