import assert from 'node:assert/strict';
import { StoreError } from '../../src/tokens/store.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

describe('a spend note that was written although the reply of the store was lost', () => {
  it('is gone from the store once the store is back: another process refreshes rather than logs in', async () => {
    const time = new VirtualTime();
    const credential = fakeCredential({}, granted({ refreshSecret: 'r1' }));
    const world = await managed(credential, time);
    const { manager, store, records } = world;
    const first = await manager.get('crm');
    await settled();
    const replace = store.replace.bind(store);
    store.replace = async (...args) => {
      store.replace = replace;
      await replace(...args);
      throw new StoreError('the reply is lost');
    };
    await assert.rejects(async () => manager.renew('crm', first));
    assert.equal((await records.read('crm')).intent?.kind, 'refresh');
    await time.advance(5_000);
    assert.equal((await records.read('crm')).intent, undefined);
    const later = fakeCredential();
    const other = await world.restart(later, { owner: 'another process' });
    assert.equal((await other.manager.renew('crm', first)).generation, 2);
    assert.deepEqual([...credential.calls, ...later.calls], ['login', 'refresh']);
    assert.deepEqual(later.spent, ['r1']);
  });
});
