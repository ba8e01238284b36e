import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.ts';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';

describe('an expired token that another process writes back to a store that had lost it', () => {
  it('at the moment of our spend note: the request is served by one more try, which spends its refresh token', async () => {
    const store = new MemoryStore();
    let announce!: () => void;
    Object.assign(store, { watch: async (_: unknown, mayHaveChanged: () => void) => void (announce = mayHaveChanged) });
    const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 2 };
    const theirs = await managed(fakeCredential({ budget }, granted({ refreshSecret: 'r1' })), { store });
    await theirs.manager.get('crm');
    theirs.clock.pass(3_600_001);
    const writeBack = announce;
    store.records.clear();
    const credential = fakeCredential({ budget });
    const { manager } = await theirs.restart(credential);
    store.beforeReplace = async () => {
      store.beforeReplace = undefined;
      writeBack();
      await eventually('it is written back', () => store.records.has('crm'));
    };
    assert.equal((await manager.get('crm')).generation, 2);
    assert.deepEqual([credential.calls, credential.spent], [['refresh'], ['r1']]);
    assert.equal(store.debits.get('logins')?.length, 1, 'only their login counts');
  });
});
