import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { call } from '../support/call.ts';
import { operator } from '../support/operator.ts';
import { dial } from '../support/wire.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { startProxy } from '../support/proxy.ts';
import { both, freshWorld, withRoute } from '../support/world.ts';

/** The counters' series in a text of metrics, with their values; those of histograms included. */
function counters(text: string): Map<string, number> {
  const types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name!, type!]));
  const isCounter = (name: string): boolean =>
    types.get(name) === 'counter' || types.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram';
  return new Map(
    text
      .split('\n')
      .filter((line) => /^tokenward_/.test(line) && isCounter(/^\w+/.exec(line)![0]))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('counters', () => {
  const world = freshWorld({
    config: both(
      withRoute('/softline', { policy: { deny: [{ path: '/v1/order/99' }] }, maxBody: 100 }),
      withRoute('/crm', { policy: { mode: 'report', allow: [{ path: '/v1/licenses' }] } }),
      withRoute('/twin/notify', { replay: false }),
    ),
  });
  const scrape = async (): Promise<Map<string, number>> => {
    const { text } = await operator(world().proxy).get('/metrics').expect(200);
    return counters(text);
  };

  it('are all at 0 before anything has happened, those of every account and route among them', async () => {
    const found = await scrape();
    assert.deepEqual(
      // The start reads the store.
      [...found].filter(([name, value]) => value !== 0 && !name.startsWith('tokenward_store_duration_seconds')),
      [],
    );
    for (const series of [
      'tokenward_renewals_total{account="crm",flow="chatapp",kind="refresh",outcome="failed"}',
      'tokenward_renewals_total{account="softline",flow="softline",kind="login",outcome="granted"}',
      'tokenward_renewal_failures_total{account="twin",flow="twin",kind="none",reason="budget"}',
      'tokenward_tokens_refused_total{account="crm"}',
      'tokenward_dead_token_replies_total{route="/twin/iam",account="twin",reason="current"}',
      'tokenward_replays_total{route="/crm",outcome="recovered"}',
      'tokenward_errors_total{route="/crm",reason="upstream_unreachable"}',
      'tokenward_errors_total{route="unmatched",reason="too_many_requests"}',
      'tokenward_policy_verdicts_total{route="/softline",reason="denied",outcome="refused"}',
      'tokenward_policy_verdicts_total{route="/crm",reason="not_allowed",outcome="reported"}',
      'tokenward_store_errors_total{reason="write"}',
      'tokenward_requests_total{route="/crm",status="5xx"}',
      'tokenward_renewal_duration_seconds_count{flow="chatapp",kind="refresh"}',
      'tokenward_worker_crashes_total',
    ])
      assert.ok(found.has(series), series);
    // What cannot happen here is not there: softline has no refresh, and no policy that reports.
    assert.ok(
      ![...found.keys()].some((series) => series.includes('account="softline"') && series.includes('kind="refresh"')),
    );
    assert.ok(!found.has('tokenward_policy_verdicts_total{route="/softline",reason="denied",outcome="reported"}'));
  });

  it('are none that were not there before, whatever happens', async () => {
    const { proxy, sandbox, call: through } = world();
    const before = await scrape();
    const post = {
      method: 'POST',
      body: JSON.stringify({ text: 'hello' }),
      headers: { 'content-type': 'application/json' },
    };
    for (const target of [
      '/softline/v1/order/7',
      '/softline/v1/order/99',
      '/softline/a%2Fb',
      '/crm/v1/licenses',
      '/crm/v1/other',
      '/nowhere',
      '/twin/notify/api/v1/messages',
      '/softline/v1/tokens',
    ])
      await through(target);
    await through('/softline/v1/payment', { method: 'POST', body: 'x'.repeat(200) });
    for (const vendor of [sandbox.softline, sandbox.twin, sandbox.chatapp]) vendor.revokeCurrent();
    await Promise.all([1, 2, 3].map(() => through('/softline/v1/order/7')));
    await through('/twin/notify/api/v1/messages', post);
    sandbox.chatapp.set({ refreshMode: 'status-500', loginMode: 'status-500' });
    sandbox.twin.accounts.length = 0;
    sandbox.twin.revokeCurrent();
    for (const target of [
      '/crm/v1/licenses',
      '/crm/v1/licenses',
      '/twin/iam/api/v1/users/me',
      '/twin/iam/api/v1/users/me',
    ])
      await through(target);
    const line = await dial(proxy.url);
    line.socket.write('GET /softline/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 1, 2\r\n\r\n');
    await line.closed();
    const after = await scrape();
    assert.deepEqual(
      [...after.keys()].filter((series) => !before.has(series)),
      [],
    );
    const risen = new Set(
      [...after].filter(([series, value]) => value > before.get(series)!).map(([series]) => /^\w+/.exec(series)![0]),
    );
    for (const name of ['renewals', 'renewal_failures', 'dead_token_replies', 'replays', 'errors', 'policy_verdicts'])
      assert.ok(risen.has(`tokenward_${name}_total`), `${name} has counted nothing`);
  });

  it('of 150 accounts with a route each make no scrape that is too large, least of all a compressed one', async () => {
    const sandbox = await startSandbox();
    const names = Array.from({ length: 150 }, (_, index) => `account-${index}`);
    const proxy = await startProxy(sandbox, {
      config: (base) => ({
        ...base,
        accounts: Object.fromEntries(
          names.map((name) => [
            name,
            { flow: 'chatapp', baseUrl: sandbox.urls.chatapp, credentials: { ...sandbox.credentials.chatapp } },
          ]),
        ),
        routes: names.map((name) => ({ prefix: `/${name}`, upstream: sandbox.urls.chatapp, account: name })),
      }),
    });
    try {
      const { text } = await operator(proxy).get('/metrics').expect(200);
      const zipped = await call(proxy.operatorUrl, '/metrics', { headers: { 'accept-encoding': 'gzip' } });
      assert.deepEqual(
        [zipped.headers['content-encoding'], zipped.headers['vary']],
        ['gzip', 'accept, accept-encoding'],
      );
      assert.ok(
        gunzipSync(zipped.body)
          .toString()
          .includes(
            'tokenward_renewals_total{account="account-149",flow="chatapp",kind="refresh",outcome="granted"} 0',
          ),
      );
      assert.ok(
        text.length < 1_000_000 && zipped.body.length < 60_000,
        `${text.length} bytes, compressed ${zipped.body.length}`,
      );
    } finally {
      await proxy.stop();
      await sandbox.close();
    }
  });
});
