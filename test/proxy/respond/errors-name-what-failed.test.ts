import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { closedPort, tcpServer } from '../../support/wire.ts';
import { ownCode } from '../../support/world.ts';

/** The code and the detail of one of our own answers. */
async function said(base: string, target: string, options: Parameters<typeof call>[2] = {}): Promise<[string, string]> {
  const answer = await call(base, target, options);
  return [ownCode(answer), (answer.json() as { detail?: string }).detail ?? ''];
}

describe('an error of ours names what a person needs', () => {
  const close = closing();
  const proxyFor = async (route: object): Promise<string> =>
    (await close(startCustomProxy({ routes: [{ prefix: '/api', account: 'fixed', ...route }] }))).url;
  const name = (url: string): string => `route /api, upstream ${new URL(url).host}`;

  it('an upstream that nobody listens for: route, host and port, why', async () => {
    const upstream = await closedPort();
    assert.deepEqual(await said(await proxyFor({ upstream: `${upstream}/secret-path` }), '/api/a'), [
      'upstream_unreachable',
      `${name(upstream)}: nothing listens there, or a firewall refuses the connection (ECONNREFUSED)`,
    ]);
  });

  it('an upstream without a name: the port that the scheme stands for', async () => {
    const [code, detail] = await said(await proxyFor({ upstream: 'https://nowhere.invalid' }), '/api/a');
    assert.match(
      `${code} ${detail}`,
      /^upstream_(unreachable|timeout) route \/api, upstream nowhere\.invalid:443: .*\((ENOTFOUND|EAI_AGAIN|ETIMEDOUT)\)$/,
    );
  });

  it('an upstream that speaks no TLS', async () => {
    const upstream = await close(fakeUpstream());
    const [code, detail] = await said(await proxyFor({ upstream: upstream.url.replace('http:', 'https:') }), '/api/a');
    assert.match(
      `${code} ${detail}`,
      new RegExp(`^upstream_unreachable ${name(upstream.url)}: the TLS handshake failed \\(TLS: \\w+\\)$`),
    );
  });

  it('an upstream that does not answer: the limit and its setting', async () => {
    const upstream = await close(fakeUpstream(() => undefined));
    assert.deepEqual(
      await said(await proxyFor({ upstream: upstream.url, timeouts: { firstByte: '500ms' } }), '/api/a'),
      ['upstream_timeout', `${name(upstream.url)}: no response within 0.5 s (the route's timeouts.firstByte)`],
    );
  });

  for (const [how, raw, why] of [
    ['closes the connection', '', 'it closed the connection before its response'],
    ['sends what is not HTTP', 'SSH-2.0-canary\r\n\r\n', 'its response is not HTTP/1.1: '],
  ] as const) {
    it(`an upstream that ${how}`, async () => {
      const upstream = await close(tcpServer((socket) => void socket.once('data', () => socket.end(raw))));
      const [code, detail] = await said(await proxyFor({ upstream: upstream.url }), '/api/a', {
        method: 'POST',
        body: 'x',
      });
      assert.equal(code, 'upstream_broken');
      assert.ok(detail.startsWith(`${name(upstream.url)}: ${why}`), detail);
      assert.doesNotMatch(detail, /canary/);
    });
  }

  it('a call that the policy denies: route, method and the rule', async () => {
    const upstream = await close(fakeUpstream());
    const url = await proxyFor({
      upstream: upstream.url,
      policy: { deny: [{ path: '/harmless' }, { methods: ['POST', 'PUT'], path: '/v1/*/payment' }] },
    });
    assert.deepEqual(await said(url, '/api/v1/%37/payment/x', { method: 'POST', body: 'x' }), [
      'policy_refused',
      'route /api, POST: policy.deny has "POST, PUT on /v1/*/payment"',
    ]);
  });

  it('a call that the policy does not allow: route, method and what is allowed', async () => {
    const upstream = await close(fakeUpstream());
    const url = await proxyFor({
      upstream: upstream.url,
      policy: { allow: [{ methods: ['GET'], path: '/v1/order' }, { path: '/v1/chat' }, { methods: ['HEAD'] }] },
    });
    assert.deepEqual(await said(url, '/api/v1/order', { method: 'DELETE' }), [
      'policy_refused',
      'route /api: no line of policy.allow allows DELETE on this path; the lines are "GET on /v1/order; every method on /v1/chat; HEAD on every path"',
    ]);
  });

  it('a long list of what is allowed is cut short', async () => {
    const upstream = await close(fakeUpstream());
    const url = await proxyFor({
      upstream: upstream.url,
      policy: { allow: Array.from({ length: 9 }, (_, index) => ({ path: `/p${index}` })) },
    });
    assert.match((await said(url, '/api/x'))[1], /every method on \/p4; and 4 more"$/);
  });

  it('a legacy login: the setting', async () => {
    const upstream = await close(fakeUpstream());
    const accounts = {
      crm: { flow: 'chatapp', baseUrl: upstream.url, credentials: { email: 'e', password: 'p', appId: 'a' } },
    };
    const proxy = await close(
      startCustomProxy({
        accounts,
        routes: [
          { prefix: '/crm', upstream: upstream.url, account: 'crm' },
          { prefix: '/told', upstream: upstream.url, account: 'crm', legacyLogin: 'answer' },
        ],
      }),
    );
    assert.deepEqual(await said(proxy.url, '/crm/v1/tokens', { method: 'POST', body: '{}' }), [
      'login_path_refused',
      'route /crm has legacyLogin: refuse; with legacyLogin: answer tokenward responds itself, and with legacyLogin: forward it goes to the upstream',
    ]);
    assert.deepEqual(await said(proxy.url, '/told/v1/tokens', { method: 'PUT', body: '{}' }), [
      'login_path_refused',
      'route /told has legacyLogin: answer; this login has no response here, and with legacyLogin: forward it goes to the upstream',
    ]);
    assert.equal(upstream.seen.length, 0);
  });

  it('a path with an encoded slash: the setting; one that climbs is refused in any case', async () => {
    const upstream = await close(fakeUpstream());
    const url = await proxyFor({ upstream: upstream.url });
    assert.deepEqual(await said(url, '/api/a%2Fb'), [
      'request_target_refused',
      'the path holds an encoded slash, backslash or dot; route /api would forward it with encodedPaths: pass',
    ]);
    assert.doesNotMatch((await said(url, '/api/%2e%2e/b'))[1], /encodedPaths/);
  });

  for (const [target, detail] of [
    ['/api/<b>', 'a < in the path must be percent-encoded; in a query it is allowed'],
    ['//api', 'the path begins with two slashes'],
    ['/api?q=#', 'a byte of the query must be percent-encoded'],
    [
      'http://elsewhere.example/api',
      'the target is an absolute URL, as for a forward proxy; call this proxy itself, with the prefix of a route',
    ],
  ] as const) {
    it(`a target such as ${target}`, async () =>
      assert.deepEqual(await said(await proxyFor({ upstream: 'http://127.0.0.1:1' }), target), [
        'request_target_refused',
        detail,
      ]));
  }

  it('a body that is too large, and one that stands still: the setting', async () => {
    const upstream = await close(fakeUpstream());
    assert.deepEqual(
      await said(await proxyFor({ upstream: upstream.url, maxBody: 3 }), '/api/a', { method: 'POST', body: 'four' }),
      ['body_too_large', "the route's maxBody is 3 bytes"],
    );
  });
});
