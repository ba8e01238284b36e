import assert from 'node:assert/strict';
import { fakeCredential, granted, managed } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

describe('a budget that grants no call', () => {
  it('of logins is told as such, and counted as a renewal held back', async () => {
    const budget = { key: 'test/who', logins: 1, window: DAY, reserve: 0 };
    const { manager, observed } = await managed(fakeCredential({ canRefresh: false, budget }));
    const token = await manager.get('crm');
    await assert.rejects(async () => manager.renew('crm', token), { code: 'login_budget_exhausted' });
    assert.equal(manager.statusOf('crm')!.exhausted, 'logins');
    assert.deepEqual(observed.suppressed, ['budget']);
  });

  for (const [window, words] of [
    [90_000, '90 s'],
    [10 * MINUTE, '10 min'],
    [90 * MINUTE, '90 min'],
    [60 * MINUTE, '1 h'],
    [DAY, '24 h'],
  ] as const) {
    it(`of renewals is told as such, with its window: ${words}`, async () => {
      const renewalBudgets = [{ key: 'test/who#renewals', logins: 1, window, reserve: 0 }];
      const { manager, clock, observed } = await managed(fakeCredential({ renewalBudgets }));
      const until = new Date(clock.wall() + window).toISOString();
      const token = await manager.get('crm');
      await assert.rejects(async () => manager.renew('crm', token), {
        code: 'renewal_budget_exhausted',
        detail: `account crm: its 1 renewals (logins and refreshes) in ${words} are used up until ${until}`,
        retryAfter: window / 1_000,
      });
      assert.equal(manager.statusOf('crm')!.exhausted, 'renewals');
      assert.deepEqual(observed.suppressed, ['budget']);
    });
  }

  it('leaves the record as it is, and asks for it no more than a renewal does', async () => {
    const renewalBudgets = [{ key: 'test/who#renewals', logins: 1, window: DAY, reserve: 0 }];
    const { manager, store } = await managed(fakeCredential({ renewalBudgets }));
    const token = await manager.get('crm');
    const { revision } = store.records.get('crm')!;
    let reads = 0;
    const read = store.read.bind(store);
    store.read = async (key) => {
      reads += 1;
      return read(key);
    };
    await assert.rejects(async () => manager.renew('crm', token));
    assert.deepEqual([reads, store.records.get('crm')!.revision], [2, revision]);
  });

  it('of renewals, early: is counted as a renewal held back, and the account works on', async () => {
    const renewalBudgets = [{ key: 'test/who#renewals', logins: 2, window: DAY, reserve: 0 }];
    const credential = fakeCredential({ renew: 'early', renewalBudgets }, granted({ lifetime: 100 }));
    const { manager, clock, observed } = await managed(credential);
    const token = await manager.get('crm');
    clock.pass(90_000);
    assert.equal(manager.get('crm'), token);
    await settled();
    assert.deepEqual([observed.suppressed, credential.calls], [['budget'], ['login']]);
    assert.equal(manager.statusOf('crm')!.state, 'working');
  });

  it('because the store cannot count: no call is made, and the store is told to have failed', async () => {
    const renewalBudgets = [{ key: 'test/who#renewals', logins: 2, window: DAY, reserve: 0 }];
    const credential = fakeCredential({ renewalBudgets });
    const { manager, store, observed } = await managed(credential);
    store.failing.add('debit');
    await assert.rejects(async () => manager.get('crm'), { code: 'store_unavailable' });
    assert.deepEqual([observed.storeFailed, credential.calls], [['debit'], []]);
  });
});
