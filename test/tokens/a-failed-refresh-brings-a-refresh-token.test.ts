import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';

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
    const { manager } = await managed(credential);
    await manager.renew('crm', await manager.get('crm'));
    assert.deepEqual(credential.spent, ['r1', 'r2']);
    assert.deepEqual(credential.calls, ['login', 'refresh', 'refresh']);
  });

  it('is in the store, with no note that it may be spent: the next process spends it', async () => {
    const world = await managed(fakeCredential({}, first, rotated('r2'), rotated('r3')));
    const token = await world.manager.get('crm');
    await assert.rejects(async () => world.manager.renew('crm', token));
    assert.equal((await world.records.read('crm')).intent, undefined);
    // The end of the one before it says nothing about it.
    world.clock.pass(120_000);
    const later = fakeCredential();
    const { manager } = await world.restart(later);
    await manager.renew('crm', token);
    assert.deepEqual([later.spent, later.calls], [['r3'], ['refresh']]);
  });

  it('belongs to the access token that there is: its secret, generation and end stay', async () => {
    const { manager, records } = await managed(fakeCredential({}, first, rotated('r2'), rotated('r3')));
    const token = await manager.get('crm');
    await assert.rejects(async () => manager.renew('crm', token));
    const stored = (await records.read('crm')).token!;
    assert.deepEqual([stored.reveal(), stored.revealRefresh()], ['a1', 'r3']);
    assert.deepEqual(
      [stored.generation, stored.obtainedAt, stored.expiresAt, stored.refreshExpiresAt],
      [token.generation, token.obtainedAt, token.expiresAt, undefined],
    );
  });

  it('that could not be stored is gone, and the one before it is not spent again: a login is made', async () => {
    const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }));
    const { manager, store, clock } = await managed(credential);
    const token = await manager.get('crm');
    credential.answers.push(() => {
      store.failing.add('replace');
      return rotated('r2');
    });
    await assert.rejects(async () => manager.renew('crm', token));
    store.failing.clear();
    clock.pass(60_000);
    await manager.renew('crm', token);
    assert.deepEqual([credential.spent, credential.calls], [['r1'], ['login', 'refresh', 'login']]);
  });
});
