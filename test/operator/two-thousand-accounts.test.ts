import assert from 'node:assert/strict';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call, metric } from '../support/call.ts';
import { freshFolder } from '../support/files.ts';
import { operator, readinessOf, statusOf } from '../support/operator.ts';
import { startProxy, type RunningProxy } from '../support/proxy.ts';
import { writeLines } from '../support/account-files.ts';

describe('the operator port over 2,000 generated accounts', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  let sandbox: Sandbox;
  let proxy: RunningProxy;
  beforeEach(async () => {
    sandbox = await startSandbox();
    const { softline } = sandbox.credentials;
    const file = writeLines(
      folder(),
      Array.from({ length: 2_000 }, (_, index) => ({
        name: `shop-${index}`,
        flow: 'softline',
        baseUrl: sandbox.urls.softline,
        credentials: index === 5 ? { ...softline, password: 'wrong' } : softline,
      })),
    );
    proxy = await startProxy(sandbox, {
      config: (config) => ({
        ...config,
        accountsFrom: { file },
        routes: [
          ...(config['routes'] as object[]),
          { prefix: '/shops', upstream: sandbox.urls.softline, accountFrom: { flow: 'softline', header: 'X-Shop' } },
        ],
      }),
    });
  });
  afterEach(async () => {
    await proxy.stop();
    await sandbox.close();
  });

  const use = async (index: number): Promise<number> =>
    (await call(proxy.url, '/shops/v1/order/7', { headers: { 'x-shop': `shop-${index}` } })).status;

  it('is ready though one of them is dead, and says which', async () => {
    assert.deepEqual([await use(4), await use(5)], [200, 503]);
    const { ready, problems } = await readinessOf(proxy);
    assert.deepEqual([ready, problems.map(({ account }) => account)], [true, ['shop-5']]);
    assert.match(problems[0]!.problem, /^the token endpoint refused the login/);
  });

  it('has series for 500 of them, and counts all', async () => {
    for (let from = 0; from < 600; from += 50)
      await Promise.all(Array.from({ length: 50 }, async (_, index) => (from + index === 5 ? 0 : use(from + index))));
    const { text } = await operator(proxy).get('/metrics').expect(200);
    const labels = new Set([...text.matchAll(/account="([^"]+)"/g)].map(([, account]) => account!));
    assert.ok(labels.size <= 501, `${labels.size} accounts have series`);
    assert.ok(labels.has('(others)') && labels.has('crm') && !labels.has('shop-1999'));
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_renewals_total', { outcome: 'granted' }), 599);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_accounts'), 2_003);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_accounts_in_memory'), 602);
    const { accounts, accountCount } = await statusOf(proxy);
    assert.deepEqual([accounts.length, accountCount], [500, { known: 2_003, inMemory: 602 }]);
  });
});
