import assert from 'node:assert/strict';
import { settled } from '../support/virtual-time.ts';
import { unsavedToken } from './unsaved-token.ts';

describe('a token that an upstream rejects before it could be stored', () => {
  it('counts as rejected after it is stored as well', async () => {
    const { time, manager, store, heal } = await unsavedToken();
    manager.rejected('crm', await manager.get('crm'));
    const rejectedAt = time.clock.wall();
    heal();
    await time.advance(200);
    await settled();
    assert.equal(store.records.get('crm')?.generation, 2);
    assert.equal(manager.status()[0]?.refusedAt, rejectedAt);
  });
});
