import assert from 'node:assert/strict';
import { accountsOn, freshBrowser, shown } from '../support/browser.ts';
import { metric } from '../support/call.ts';
import { operator } from '../support/operator.ts';
import { run } from '../support/process.ts';
import { freshPool } from './worker-pool.ts';

const READ = '/softline/v1/order/77';

describe('the operator port of two workers', function () {
  this.timeout(90_000);
  const pool = freshPool();
  const open = freshBrowser();

  it('sums what they count, and does not sum what they agree on', async function () {
    const { callAnew, served } = await pool(this, 2);
    const count = (name: string, labels: Record<string, string> = {}): Promise<number> =>
      metric(served.operatorUrl, `tokenward_${name}`, labels);
    for (let index = 0; index < 20; index += 1) await callAnew(READ);
    await callAnew('/nowhere');
    assert.equal(await count('requests_total', { route: '/softline', status: '2xx' }), 20);
    assert.equal(await count('request_duration_seconds_count', { route: '/softline' }), 20);
    assert.equal(await count('request_duration_seconds_bucket', { route: '/softline', le: '+Inf' }), 20);
    assert.equal(await count('errors_total', { reason: 'route_unknown' }), 1);
    assert.equal(await count('requests_in_flight'), 0);
    assert.equal(await count('renewals_total', { outcome: 'granted' }), 1);
    assert.equal(await count('workers'), 2);
    assert.equal(await count('build_info'), 1);
    assert.equal(await count('token_generation', { account: 'softline' }), 1);
    assert.equal(await count('account_ready', { account: 'softline' }), 1);
    assert.equal(await count('credential_dead', { account: 'softline' }), 0);
    assert.equal(await count('login_budget_limit', { account: 'crm' }), 80);
    assert.equal(await count('login_budget_remaining', { account: 'crm' }), 80);
    const ends = await count('token_expiry_timestamp_seconds', { account: 'softline' });
    assert.ok(Math.abs(ends - Date.now() / 1000 - 86_400) < 60, `the token ends at ${ends}`);
    const { text } = await operator(served)
      .get('/metrics')
      .expect(200)
      .expect('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(text.match(/^# TYPE tokenward_requests_total counter$/gm)?.length, 1);
  });

  it('counts on over a restart of the workers', async function () {
    const { callAnew, served, restart, status } = await pool(this, 2);
    const requests = (): Promise<number> =>
      metric(served.operatorUrl, 'tokenward_requests_total', { route: '/softline', status: '2xx' });
    for (let index = 0; index < 10; index += 1) await callAnew(READ);
    await restart();
    assert.equal(await requests(), 10);
    for (let index = 0; index < 10; index += 1) await callAnew(READ);
    assert.equal(await requests(), 20);
    assert.equal(await metric(served.operatorUrl, 'tokenward_workers'), 2);
    assert.equal(await metric(served.operatorUrl, 'tokenward_renewals_total', { outcome: 'granted' }), 1);
    assert.equal((await status()).routes.find(({ prefix }) => prefix === '/softline')!.requests, 20);
  });

  it('shows one list of accounts, each with the state of whoever knows best', async function () {
    const { sandbox, callAnew, status, served } = await pool(this, 2);
    await callAnew(READ);
    sandbox.twin.accounts[0] = { ...sandbox.twin.accounts[0]!, password: 'another' };
    // One worker finds out; the other one has not been asked.
    await callAnew('/twin/iam/api/v1/users/me');
    const { accounts, workers, stopping } = await status();
    assert.equal(stopping, false);
    assert.deepEqual(
      accounts.map(({ account, generation, state, dead, ready }) => [account, generation, state, dead, ready]),
      [
        ['softline', 1, 'working', false, true],
        ['crm', 0, 'unused', false, true],
        ['twin', 0, 'dead', true, false],
      ],
    );
    assert.deepEqual(
      workers!.map(({ worker, state }) => [worker, state]),
      [
        [1, 'up'],
        [2, 'up'],
      ],
    );
    const problem = 'the token endpoint refused the login (status 401)';
    const problems = [{ account: 'twin', state: 'dead', problem }];
    await operator(served).get('/readyz').expect(200, { ready: true, problems });
    // One word, though one worker says "dead" and the other one "unused".
    assert.equal(await metric(served.operatorUrl, 'tokenward_account_state', { account: 'twin' }), 1);
    assert.equal(await metric(served.operatorUrl, 'tokenward_account_state', { account: 'twin', state: 'dead' }), 1);
    assert.equal(await metric(served.operatorUrl, 'tokenward_account_ready', { account: 'twin' }), 0);
    const table = (await run(['status', '--operator', served.operatorUrl])).stdout;
    assert.match(table, /^softline +softline +working +1 /m);
    assert.match(table, /^twin +twin +dead +0 /m);
  });

  it('renews an account for both, and says which one it does not know', async function () {
    const { served, sandbox } = await pool(this, 2);
    assert.equal(
      (await run(['renew', 'crm', '--operator', served.operatorUrl])).stdout,
      'crm has a new token, generation 1\n',
    );
    assert.equal(
      (await run(['renew', 'crm', '--operator', served.operatorUrl])).stdout,
      'crm has a new token, generation 2\n',
    );
    assert.match(
      (await run(['renew', 'nobody', '--operator', served.operatorUrl])).stderr,
      /There is no account of this name\. The accounts are softline, crm, twin\. \(account_unknown\)/,
    );
    sandbox.softline.accounts.length = 0;
    const refused = await run(['renew', 'softline', '--operator', served.operatorUrl]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /account softline: the token endpoint refused the login \(.*\) \(credential_dead\)/);
  });

  it('shows the same on its page', async function () {
    const { callAnew, served } = await pool(this, 2);
    for (let index = 0; index < 4; index += 1) await callAnew(READ);
    const page = await shown(await open(this, served.operatorUrl));
    assert.match((await page.locator('#facts').textContent())!, /2 workers/);
    assert.deepEqual(
      (await accountsOn(page)).map(({ name, state }) => [name, state]),
      [
        ['softline', 'working'],
        ['crm', 'unused'],
        ['twin', 'unused'],
      ],
    );
    assert.match((await page.locator('#route-list > li').first().textContent())!, /4 since the start/);
  });
});
