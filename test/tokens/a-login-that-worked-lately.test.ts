import assert from 'node:assert/strict';
import type { TokenwardError } from '../../src/errors.ts';
import { granted, managed, fakeCredential, refused } from '../support/credential.ts';

const MINUTES = 60_000;

describe('a login that worked within the last hour', () => {
  it('is refused twice, some minutes apart, before the account is dead', async () => {
    const credential = fakeCredential({ canRefresh: false }, granted(), refused, refused);
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(30 * MINUTES);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'token_unavailable' && error.retryAfter === 180,
    );
    assert.deepEqual([manager.status()[0]?.state, manager.status()[0]?.dead], ['down', false]);
    clock.pass(2 * MINUTES);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.retryAfter === 60,
    );
    assert.deepEqual(credential.calls, ['login', 'login']);
    clock.pass(1 * MINUTES + 1);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'credential_dead',
    );
    assert.deepEqual([manager.status()[0]?.state, manager.status()[0]?.dead], ['dead', true]);
    clock.pass(600 * MINUTES);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'credential_dead',
    );
    assert.equal(credential.calls.length, 3);
  });

  it('and is accepted the second time: nobody had to act, and the next refusal counts as the first again', async () => {
    const credential = fakeCredential({ canRefresh: false }, granted(), refused, granted(), refused);
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    await assert.rejects(async () => manager.renew('crm', first));
    clock.pass(3 * MINUTES + 1);
    const second = await manager.renew('crm', first);
    assert.equal(manager.status()[0]?.state, 'working');
    await assert.rejects(
      async () => manager.renew('crm', second),
      (error: TokenwardError) => error.code === 'token_unavailable',
    );
  });

  it('the second look is kept over a restart', async () => {
    const world = await managed(fakeCredential({ canRefresh: false }, granted(), refused));
    const first = await world.manager.get('crm');
    await assert.rejects(async () => world.manager.renew('crm', first));
    const later = fakeCredential({ canRefresh: false }, refused);
    const { manager, clock } = await world.restart(later);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'token_unavailable',
    );
    assert.deepEqual(later.calls, []);
    clock.pass(3 * MINUTES + 1);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'credential_dead',
    );
  });

  it('credentials that were changed meanwhile get their chance at once', async () => {
    const world = await managed(fakeCredential({ canRefresh: false }, granted(), refused));
    const first = await world.manager.get('crm');
    await assert.rejects(async () => world.manager.renew('crm', first));
    const { manager } = await world.restart(fakeCredential({ canRefresh: false, credentialsFingerprint: 'others' }));
    assert.equal((await manager.renew('crm', first)).generation, 2);
  });

  it('an operator who tries it by hand is told at once', async () => {
    const { manager } = await managed(fakeCredential({ canRefresh: false }, granted(), refused));
    await manager.get('crm');
    await assert.rejects(manager.renewNow('crm'), (error: TokenwardError) => error.code === 'credential_dead');
  });

  it('a login that worked longer ago, or never, is believed to be wrong at once', async () => {
    const credential = fakeCredential({ canRefresh: false }, granted({ lifetime: 36_000 }), refused);
    const { manager, clock } = await managed(credential);
    const first = await manager.get('crm');
    clock.pass(61 * MINUTES);
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: TokenwardError) => error.code === 'credential_dead',
    );
  });
});
