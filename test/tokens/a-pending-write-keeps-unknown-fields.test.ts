import assert from 'node:assert/strict';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { VirtualTime } from '../support/virtual-time.ts';

describe('a pending write', () => {
  it('keeps the fields that a newer version has written to the record meanwhile', async () => {
    const time = new VirtualTime();
    const credential: ReturnType<typeof fakeCredential> = fakeCredential({}, granted(), () => {
      store.failing.add('replace');
      return granted({ secret: 'the only copy' });
    });
    const { manager, store, records } = await managed(credential, time);
    await manager.renew('crm', await manager.get('crm'));
    store.failing.clear();
    const stored = await records.read('crm');
    const unknown = { record: { region: { name: 'eu' } }, token: { scope: 'read' }, generation: stored.generation };
    assert.ok(await records.replace('crm', { ...stored, unknown }));
    await time.advance(5_000);
    const saved = await records.read('crm');
    assert.equal(saved.token?.reveal(), 'the only copy');
    assert.deepEqual(saved.unknown?.record, { region: { name: 'eu' } });
    assert.deepEqual(saved.unknown?.token, {}, 'the scope was of the former token');
  });
});
