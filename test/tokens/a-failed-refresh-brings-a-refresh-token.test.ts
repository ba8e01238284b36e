import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

/** The endpoint has rotated the refresh token, and its response lacks what requests need beside the token. */
const rotated = (refreshSecret: string): Outcome => ({
  kind: 'failed',
  reason: 'malformed',
  reach: 'answered',
  maybeSpent: true,
  retryAfter: undefined,
  rotated: refreshSecret,
});

describe('a refresh token that a failed refresh has brought', () => {
  const first = granted({ secret: 'a1', refreshSecret: 'r1', refreshLifetime: 60 });

  it('is the one that the next refresh spends, and no login is made', async () => {
    const credential = fakeCredential({}, first, rotated('r2'), granted({ refreshSecret: 'r3' }));
    const { manager, token } = await inVirtualTime(credential);
    const old = await token(() => manager.get('crm'));
    await token(() => manager.renew('crm', old));
    assert.deepEqual(credential.spent, ['r1', 'r2']);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh']);
  });

  it('is in the store, with no note that it may be spent: the next process spends it', async () => {
    const { manager, token, error, stored, clock, restart } = await inVirtualTime(
      fakeCredential({}, first, rotated('r2'), rotated('r3')),
    );
    const old = await token(() => manager.get('crm'));
    await error(() => manager.renew('crm', old));
    assert.equal((await stored()).intent, undefined);
    // The end of the one before it says nothing about it.
    clock.pass(120_000);
    const later = fakeCredential();
    const next = await restart(later);
    await token(() => next.manager.renew('crm', old));
    assert.deepEqual([later.spent, later.calls], [['r3'], ['refresh']]);
  });

  it('belongs to the access token that there is: its secret, generation and end stay', async () => {
    const { manager, token, error, stored } = await inVirtualTime(
      fakeCredential({}, first, rotated('r2'), rotated('r3')),
    );
    const old = await token(() => manager.get('crm'));
    await error(() => manager.renew('crm', old));
    const found = (await stored()).token!;
    assert.deepEqual([found.reveal(), found.revealRefresh()], ['a1', 'r3']);
    assert.deepEqual(
      [found.generation, found.obtainedAt, found.expiresAt, found.refreshExpiresAt],
      [old.generation, old.obtainedAt, old.expiresAt, undefined],
    );
  });

  it('that could not be stored is gone, and the one before it is not spent again: a login is made', async () => {
    const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }));
    const { manager, token, error, store, clock } = await inVirtualTime(credential);
    const old = await token(() => manager.get('crm'));
    credential.answers.push(() => {
      store.failing.add('replace');
      return rotated('r2');
    });
    await error(() => manager.renew('crm', old));
    store.failing.clear();
    clock.pass(60_000);
    await token(() => manager.renew('crm', old));
    assert.deepEqual([credential.spent, credential.calls], [['r1'], ['login', 'refresh', 'login']]);
  });
});
