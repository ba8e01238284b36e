import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';

describe('a renewal', () => {
  it('writes the record twice: what it is about to spend, and what it got', async () => {
    const { manager, store } = await managed(fakeCredential());
    const first = await manager.get('crm');
    assert.equal(store.records.get('crm')?.revision, 2);
    await manager.renew('crm', first);
    assert.equal(store.records.get('crm')?.revision, 4);
  });

  it('that another process overtakes again and again spends nothing, and says so', async () => {
    const credential = fakeCredential();
    const { manager, store } = await managed(credential);
    const first = await manager.get('crm');
    store.beforeReplace = (key) => {
      const current = store.records.get(key)!;
      store.records.set(key, { ...current, revision: current.revision + 1 });
    };
    await assert.rejects(async () => manager.renew('crm', first), {
      code: 'token_unavailable',
      retryAfter: 1,
      detail: /^account crm: another process/,
    });
    assert.deepEqual(credential.calls, ['login']);
  });
});

describe('a fixed token', () => {
  it('needs nothing from the store', async () => {
    const store = new MemoryStore();
    for (const operation of ['read', 'replace', 'acquireLease'] as const) store.failing.add(operation);
    const { manager } = await managed(fakeCredential({ staticToken: 'fixed' }), { store });
    assert.equal((await manager.get('crm')).reveal(), 'fixed');
  });
});
