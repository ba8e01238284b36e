import assert from 'node:assert/strict';
import { systemTimers } from '../../src/tokens/clock.ts';
import { fakeCredential, managed } from '../support/credential.ts';
import { eventually } from '../support/eventually.ts';

describe('a renewal by an operator just after the store came back', () => {
  it('makes a token newer than the one that another process still had to write back', async () => {
    // The pauses of recovery, shortened.
    const timers = {
      after: (ms: number, action: () => void, background?: boolean) => systemTimers.after(ms / 4, action, background),
    };
    const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 2 };
    const other = await managed(fakeCredential({ budget }));
    const { store } = other;
    const first = await other.manager.get('crm');
    const behind = store.records.get('crm')!;
    const credential = fakeCredential({ budget });
    const { manager } = await other.restart(credential, { timers });
    await other.manager.renew('crm', first);
    const newest = store.records.get('crm')!;
    assert.deepEqual([behind.generation, newest.generation], [1, 2]);

    // A failover to a server that has not got the newer token.
    store.failing.add('used').add('check');
    await manager.refreshBudgets();
    assert.equal(manager.storeUsable, false);
    store.records.set('crm', behind);
    store.failing.clear();
    await eventually('the store is usable again', () => manager.storeUsable);

    const renewed = manager.renewNow('crm');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(credential.calls, [], 'it called before the other process could write back');
    store.records.set('crm', { ...newest, revision: behind.revision + 1 });
    assert.equal((await renewed).generation, 3);
    assert.deepEqual(credential.calls, ['refresh']);
  });
});
