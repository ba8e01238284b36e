import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import type { Credential, Outcome } from '../../src/tokens/credential.ts';
import {
  failed,
  fakeCredential,
  granted,
  managed,
  refused,
  type FakeCredential,
  type Managed,
} from '../support/credential.ts';
import { eventually } from '../support/eventually.ts';

const isEnd = (error: unknown): boolean =>
  error instanceof TokenwardError && (error.code === 'shutting_down' || error.code === 'token_unavailable');

/** An answer of a token endpoint that comes when the test says so. */
function later(): { readonly answer: () => Promise<Outcome>; give(outcome: Outcome): void } {
  let give!: (outcome: Outcome) => void;
  const answered = new Promise<Outcome>((resolve) => (give = resolve));
  return { answer: () => answered, give };
}

/** A process that was told to end while a refresh was under way, which then came to this. */
async function closedInRefresh(
  outcome: Outcome,
  change: Partial<Credential> = {},
): Promise<{ readonly world: Managed; readonly credential: FakeCredential }> {
  const call = later();
  const credential = fakeCredential(change, granted(), call.answer);
  const world = await managed(credential);
  const asked = world.manager.renew('crm', await world.manager.get('crm'));
  await eventually('the refresh is under way', () => credential.calls.length === 2);
  const closed = world.manager.close();
  call.give(outcome);
  await assert.rejects(async () => asked, isEnd);
  await closed;
  return { world, credential };
}

describe('a process that ends in the middle of a renewal', () => {
  it('waits for the call that is under way and stores its token', async () => {
    const call = later();
    const credential = fakeCredential({}, call.answer);
    const world = await managed(credential);
    const asked = world.manager.get('crm');
    await eventually('the login is under way', () => credential.calls.length === 1);
    const closed = world.manager.close();
    call.give(granted({ secret: 'late' }));
    await closed;
    assert.equal((await world.records.read('crm')).token?.reveal(), 'late');
    await asked;
  });

  it('makes no login when its refresh is refused; who comes next makes one, and does not spend the refresh token again', async () => {
    const { world, credential } = await closedInRefresh(refused);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
    const next = fakeCredential();
    const { manager } = await world.restart(next);
    // The token of before still lives as far as anybody knows; refused once more, it is followed by a login.
    await manager.renew('crm', await manager.get('crm'));
    assert.deepEqual(next.calls, ['login']);
  });

  it('tells its callers that it ends, when a refresh has not brought a token', async () => {
    for (const outcome of [refused, failed({ reason: 'reset', maybeSpent: true })]) {
      const call = later();
      const credential = fakeCredential({}, granted(), call.answer);
      const { manager, records } = await managed(credential);
      const asked = Promise.resolve(manager.renew('crm', await manager.get('crm')));
      await eventually('the refresh is under way', () => credential.calls.length === 2);
      const closed = manager.close();
      call.give(outcome);
      await assert.rejects(asked, (error: TokenwardError) => error.code === 'shutting_down' && error.retryAfter === 1);
      await closed;
      assert.equal((await records.read('crm')).token?.hasRefresh, false, 'what is known of it is stored');
    }
  });

  it('makes no login when its refresh may have been spent', async () => {
    const { world, credential } = await closedInRefresh(failed({ reason: 'reset', maybeSpent: true }));
    assert.deepEqual(credential.calls, ['login', 'refresh']);
    const next = fakeCredential();
    const { manager } = await world.restart(next);
    await manager.renew('crm', await manager.get('crm'));
    assert.deepEqual(next.calls, ['login'], 'a refresh token that may have been spent is not spent again');
  });

  for (const kind of ['login', 'refresh'] as const) {
    it(`makes no quick second try of a ${kind} that failed`, async () => {
      const call = later();
      const credential = fakeCredential({}, ...(kind === 'refresh' ? [granted()] : []), call.answer);
      const world = await managed(credential);
      const asked = (async () =>
        kind === 'login' ? world.manager.get('crm') : world.manager.renew('crm', await world.manager.get('crm')))();
      await eventually('the call is under way', () => credential.calls.at(-1) === kind);
      const closed = world.manager.close();
      call.give(failed());
      await assert.rejects(asked, isEnd);
      await closed;
      assert.equal(credential.calls.at(-1), kind);
      assert.equal(credential.calls.length, kind === 'login' ? 1 : 2);
      assert.equal(
        (await world.records.read('crm')).intent,
        undefined,
        'a call that failed for certain leaves no note',
      );
    });
  }

  it('does not go on waiting for another process to give back its lease', async () => {
    const credential = fakeCredential();
    const world = await managed(credential);
    assert.equal(await world.store.acquireLease('crm', 'somebody else', 60_000), true);
    const asked = world.manager.get('crm');
    const failedAsIs = assert.rejects(async () => asked, isEnd);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await world.manager.close();
    await failedAsIs;
    assert.deepEqual(credential.calls, []);
    assert.equal(await world.store.acquireLease('crm', 'somebody else', 60_000), true, 'it is still his');
  });

  it('gives up a login that a budget has not been asked for yet', async () => {
    const budget = { key: 'k', logins: 10, window: 3_600_000, reserve: 0 };
    const { world } = await closedInRefresh(refused, { budget });
    const { manager } = await world.restart(fakeCredential({ budget }));
    await manager.refreshBudgets();
    assert.equal(manager.status()[0]?.budget?.remaining, 9);
  });
});
