import assert from 'node:assert/strict';
import { FINAL_SAVES_MS } from '../../src/deadlines.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { VirtualTime } from '../support/virtual-time.ts';

describe('a pending write beside a record that does not open', () => {
  it('is tried about every 30 s, and succeeds once the record is removed', async () => {
    const time = new VirtualTime();
    const credential: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), () => {
      store.failing.add('replace');
      return granted({ secret: 'the only copy', lifetime: 86_400 });
    });
    const { manager, store, records } = await managed(credential, time);
    await manager.renew('crm', await manager.get('crm'));
    const bad = { ...store.records.get('crm')!, sealed: Buffer.from('not of this program') };
    store.records.set('crm', bad);
    store.failing.clear();
    // The store is found to be usable again.
    await time.advance(5_000);
    let reads = 0;
    const read = store.read.bind(store);
    store.read = async (key) => {
      if (key === 'crm') reads += 1;
      return read(key);
    };
    await time.advance(600_000);
    assert.ok(reads >= 15 && reads <= 30, `${reads} reads in ten minutes`);
    assert.equal(store.records.get('crm'), bad);
    store.records.delete('crm');
    await time.advance(30_000);
    assert.equal((await records.read('crm')).token?.reveal(), 'the only copy');
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });

  it('does not delay the end of the process by its pause', async () => {
    const time = new VirtualTime();
    const credential: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), () => {
      store.failing.add('replace');
      return granted();
    });
    const { manager, store } = await managed(credential, time);
    await manager.renew('crm', await manager.get('crm'));
    store.records.set('crm', { ...store.records.get('crm')!, sealed: Buffer.from('not of this program') });
    store.failing.clear();
    // Long enough for the pauses to have become long.
    await time.advance(100_000);
    let hasEnded = false;
    const closed = manager.close().then(() => (hasEnded = true));
    await time.advance(FINAL_SAVES_MS + 4_000);
    assert.ok(hasEnded);
    await closed;
  });
});
