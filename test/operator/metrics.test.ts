import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { call, metric } from '../support/call.ts';
import { operator } from '../support/operator.ts';
import { dial } from '../support/wire.ts';
import { freshWorld, withRoute } from '../support/world.ts';

const DOCUMENTED = [...readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(tokenward_\w+)` \| (\w+)/gm)].map(
  ([, name, type]) => ({ name: name!, type: type! }),
);

/** Every distinct set of labels a text of metrics has, with the metric's name. */
function series(text: string): Set<string> {
  return new Set(
    text
      .split('\n')
      .filter((line) => /^tokenward_/.test(line))
      .map((line) => line.slice(0, line.lastIndexOf(' '))),
  );
}

describe('/metrics', () => {
  const world = freshWorld({
    config: withRoute('/softline', {
      policy: { mode: 'report', deny: [{ path: '/v1/order/99' }] },
      spill: { path: tmpdir(), most: '1 MiB' },
      upgrade: ['websocket'],
    }),
  });

  it("speaks Prometheus' text format", async () => {
    const { text } = await operator(world().proxy)
      .get('/metrics')
      .expect(200)
      .expect('content-type', 'text/plain; version=0.0.4; charset=utf-8');
    assert.ok(text.endsWith('\n'));
    for (const line of text.trim().split('\n'))
      assert.match(line, /^(|# (HELP|TYPE) \w+ .+|\w+(\{.*\})? (Nan|[+-]Inf|-?[\d.e+-]+))$/);
  });

  it('has a sample of every documented metric after some traffic', async () => {
    const { proxy, sandbox, call: through } = world();
    const body = JSON.stringify({ text: 'hello' });
    const post = { method: 'POST', body, headers: { 'content-type': 'application/json' } };
    await through('/softline/v1/order/7');
    await through('/softline/v1/order/99');
    await through('/crm/v1/licenses');
    await through('/nowhere');
    sandbox.softline.revokeCurrent();
    await through('/softline/v1/payment', post);
    sandbox.twin.set({ loginMode: 'status-500' });
    await through('/twin/notify/api/v1/messages', post);
    const { text } = await operator(proxy).get('/metrics').expect(200);
    for (const { name, type } of DOCUMENTED) {
      assert.match(text, new RegExp(`^# TYPE ${name} ${type}$`, 'm'));
      // Nothing went wrong with the store; test/tokens sees to that one. No caller has a name here;
      // test/proxy/concurrency sees to those. Nor does an account have a budget of renewals; see
      // what-is-left-of-renewals-is-shown. Tunnels are counted by a forward proxy only; see test/forward. The
      // configuration is not from a file; see test/reload. No listener has a certificate; see
      // when-certificates-end.
      if (
        name !== 'tokenward_store_errors_total' &&
        !/^tokenward_((caller|renewal_budget|tunnels|certificate)_|config_info$)/.test(name)
      )
        assert.match(
          text,
          new RegExp(`^${name}${type === 'histogram' ? '_bucket' : ''}(\\{[^}]*\\})? [^ ]+$`, 'm'),
          name,
        );
    }
  });

  it('counts what the parser refused before it was a request', async () => {
    const { proxy } = world();
    const line = await dial(proxy.url);
    line.socket.write('GET /softline/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 1, 2\r\n\r\n');
    assert.match(await line.closed(), /^HTTP\/1\.1 400 /);
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_errors_total', { route: 'unmatched', reason: 'request_malformed' }),
      1,
    );
  });

  it('counts what happened', async () => {
    const { proxy, sandbox, call: through } = world();
    const count = (name: string, labels: Record<string, string>): Promise<number> =>
      metric(proxy.operatorUrl, `tokenward_${name}`, labels);
    for (let index = 0; index < 3; index += 1) await through('/softline/v1/order/7');
    await through('/softline/v1/sandbox/status/404');
    sandbox.softline.revokeCurrent();
    await through('/softline/v1/order/7');
    await through('/nowhere');

    assert.equal(await count('requests_total', { route: '/softline', status: '2xx' }), 4);
    assert.equal(await count('requests_total', { route: '/softline', status: '4xx' }), 1);
    assert.equal(await count('requests_total', { route: 'unmatched', status: '4xx' }), 1);
    assert.equal(await count('request_duration_seconds_count', { route: '/softline' }), 5);
    assert.equal(await count('request_duration_seconds_bucket', { route: '/softline', le: '+Inf' }), 5);
    assert.equal(await count('requests_in_flight', { route: '/softline' }), 0);
    assert.equal(await count('errors_total', { route: 'unmatched', reason: 'route_unknown' }), 1);
    assert.equal(
      await count('renewals_total', { account: 'softline', flow: 'softline', kind: 'login', outcome: 'granted' }),
      2,
    );
    assert.equal(
      await count('dead_token_replies_total', { route: '/softline', account: 'softline', reason: 'current' }),
      1,
    );
    assert.equal(await count('replays_total', { route: '/softline', outcome: 'recovered' }), 1);
    assert.equal(await count('token_generation', { account: 'softline' }), 2);
    assert.equal(await count('token_generation', { account: 'twin' }), 0);
    const now = Date.now() / 1000;
    assert.ok(Math.abs((await count('token_obtained_timestamp_seconds', { account: 'softline' })) - now) < 10);
    assert.ok(Math.abs((await count('token_expiry_timestamp_seconds', { account: 'softline' })) - now - 86_400) < 10);
    assert.equal(await count('login_budget_limit', { account: 'crm' }), 80);
    await through('/crm/v1/licenses');
    assert.equal(await count('login_budget_remaining', { account: 'crm' }), 79);
  });

  it('gets no new series from 1,000 unknown paths, names, methods and headers', async () => {
    const { proxy, call: through } = world();
    const hit = async (index: number): Promise<void> => {
      await through(`/unknown-${index}/x?y=${index}`, {
        headers: { 'x-tokenward-key': `key-${index}`, 'user-agent': `agent-${index}` },
      });
      await through(`/softline/v1/nothing/${index}`, { method: index % 2 === 0 ? 'GET' : 'DELETE' });
      await call(proxy.operatorUrl, `/renew/account-${index}`, { method: 'POST' });
      await call(proxy.operatorUrl, `/page-${index}`);
    };
    await hit(0);
    await hit(1);
    const before = series((await operator(proxy).get('/metrics').expect(200)).text);
    for (let from = 2; from < 1_000; from += 50)
      await Promise.all(Array.from({ length: 50 }, (_, index) => hit(from + index)));
    const after = series((await operator(proxy).get('/metrics').expect(200)).text);
    assert.deepEqual(
      [...after].filter((one) => !before.has(one)),
      [],
    );
    assert.ok(after.size < 960, `${after.size} series`);
  });
});
