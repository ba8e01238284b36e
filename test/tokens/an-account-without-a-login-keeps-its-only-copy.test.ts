import assert from 'node:assert/strict';
import { EMPTY_RECORD } from '../../src/tokens/records.ts';
import { Token } from '../../src/tokens/token.ts';
import { fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { listening } from './announced.ts';

describe('an account without a login whose new token is not stored yet', () => {
  it('is not dead when its record is gone from the store: the refresh token is in memory', async () => {
    const credential = fakeCredential({ canLogin: false }, () => {
      store.failing.add('replace');
      return granted({ secret: 'the only copy' });
    });
    const world = await listening(credential);
    const { manager, records, store, time, clock } = world;
    const facts = { generation: 1, obtainedAt: clock.wall(), expiresAt: clock.wall(), refreshExpiresAt: undefined };
    const token = new Token({ ...facts, deadline: 0 }, 'imported', 'r1');
    await records.replace('crm', { ...EMPTY_RECORD, identity: 'who', generation: 1, token });
    assert.equal((await manager.get('crm')).reveal(), 'the only copy');
    store.records.clear();
    store.announce('crm');
    await settled();
    assert.deepEqual([manager.statusOf('crm')?.state, manager.statusOf('crm')?.dead], ['degraded', false]);
    store.failing.clear();
    await time.advance(60_000);
    assert.equal((await records.read('crm')).token?.reveal(), 'the only copy');
    assert.deepEqual([manager.statusOf('crm')?.state, manager.statusOf('crm')?.problem], ['working', undefined]);
  });
});
