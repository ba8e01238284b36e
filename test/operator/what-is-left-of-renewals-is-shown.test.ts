import assert from 'node:assert/strict';
import { Metrics } from '../../src/metrics.ts';
import { describeAccounts } from '../../src/operator/account-gauges.ts';
import { fakeCredential, managed } from '../support/credential.ts';

const window = { key: 'test/who#renewals-600', logins: 4, window: 600_000, reserve: 0 };

describe('the metrics of a budget of renewals', () => {
  it('say for each window what is left of it, with the renewals of every process', async () => {
    const credential = fakeCredential({
      renewalBudgets: [window, { ...window, key: 'test/who#renewals-86400', logins: 500, window: 86_400_000 }],
    });
    const { manager, restart } = await managed(credential);
    const other = await restart(credential);
    const token = await manager.get('crm');
    await other.manager.renew('crm', token);
    await manager.refreshBudgets();
    const metrics = new Metrics('test');
    describeAccounts(metrics, manager.status());
    const text = await metrics.registry.metrics();
    const lines = text.split('\n').filter((line) => line.startsWith('tokenward_renewal_budget_'));
    assert.deepEqual(lines, [
      'tokenward_renewal_budget_remaining{account="crm",flow="test",per="600"} 2',
      'tokenward_renewal_budget_remaining{account="crm",flow="test",per="86400"} 498',
      'tokenward_renewal_budget_limit{account="crm",flow="test",per="600"} 4',
      'tokenward_renewal_budget_limit{account="crm",flow="test",per="86400"} 500',
    ]);
  });
});
