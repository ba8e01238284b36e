import assert from 'node:assert/strict';
import type { RenewalReport } from '../../src/tokens/observer.ts';
import { failed, fakeCredential, granted, managed, refused } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const in90s = { key: 'test/who#renewals-90', logins: 10, window: 90_000, reserve: 0 };
const inADay = { key: 'test/who#renewals-86400', logins: 4, window: 86_400_000, reserve: 0 };
const ignore = (): void => undefined;

describe('what is left of renewal budgets', () => {
  it('is shown for each of them, the shortest window first, and anew after each renewal', async () => {
    const { manager } = await managed(fakeCredential({ renewalBudgets: [inADay, in90s] }));
    let token = await manager.get('crm');
    for (const used of [1, 2]) {
      assert.deepEqual(manager.statusOf('crm')!.renewalsLeft, [
        { per: 90, remaining: 10 - used, limit: 10, retryAt: undefined },
        { per: 86_400, remaining: 4 - used, limit: 4, retryAt: undefined },
      ]);
      token = await manager.renew('crm', token);
    }
  });

  it('is not shown for an account that has none', async () => {
    const { manager } = await managed(fakeCredential());
    await manager.get('crm');
    assert.equal('renewalsLeft' in manager.statusOf('crm')!, false);
  });

  it('grows as the window rolls', async () => {
    const { manager, clock } = await managed(fakeCredential({ renewalBudgets: [in90s] }));
    await manager.get('crm');
    clock.pass(90_000);
    await manager.refreshBudgets();
    assert.equal(manager.statusOf('crm')!.renewalsLeft?.[0]?.remaining, 10);
  });

  it('is of the store: one that cannot be read is told', async () => {
    const { manager, store, observed } = await managed(fakeCredential({ renewalBudgets: [in90s] }));
    await manager.get('crm');
    store.failing.add('used');
    await manager.refreshBudgets();
    assert.deepEqual(observed.storeFailed, ['read']);
  });

  it('is told with each call, granted or not: of the scarcest budget', async () => {
    const left = await reported(fakeCredential({ renewalBudgets: [in90s, inADay] }, granted(), refused, granted()));
    assert.deepEqual(left, [3, 2, 1]);
  });

  it('is not told with the calls of an account that has none', async () => {
    assert.deepEqual(await reported(fakeCredential({}, granted(), refused, granted())), ['absent', 'absent', 'absent']);
  });

  it('is as before after a call of which nothing was sent; the account has no budget of logins for that', async () => {
    const unsent = failed({ reason: 'connect' });
    const credential = fakeCredential({ renewalBudgets: [in90s] }, granted(), unsent, unsent);
    const { manager, token, error } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await error(() => manager.renew('crm', first));
    const { renewalsLeft, budget } = manager.statusOf('crm')!;
    assert.deepEqual([renewalsLeft?.map(({ remaining }) => remaining), budget], [[9], undefined]);
  });
});

/** What the reports of a login and of the renewal after it say. */
async function reported(credential: ReturnType<typeof fakeCredential>): Promise<unknown[]> {
  const left: unknown[] = [];
  const observer = {
    renewed: (_: unknown, report: RenewalReport) =>
      void left.push('renewalsLeft' in report ? report.renewalsLeft : 'absent'),
    suppressed: ignore,
    changed: ignore,
    storeFailed: ignore,
  };
  const { manager } = await managed(credential, { observer });
  await manager.renew('crm', await manager.get('crm'));
  return left;
}
