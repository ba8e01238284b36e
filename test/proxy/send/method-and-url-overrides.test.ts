import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

const METHODS = [
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Method-Override',
  'X-Original-Method',
  'X-Forwarded-Method',
  'x_http_method_override',
  'X-Http_Method',
];
const TARGETS = [
  'X-Original-URL',
  'X-Rewrite-URL',
  'X-Original-URI',
  'X-Envoy-Original-Path',
  'X-Forwarded-Uri',
  'X_ORIGINAL_URL',
  'x-rewrite_url',
];
const POLICY = { allow: [{ methods: ['GET'] }, { methods: ['POST'], path: '/v1/order' }], deny: [{ path: '/admin' }] };

describe('a field that says another method or target than the first line', () => {
  const close = closing();

  async function stage(route: object) {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...route }] }),
    );
    const post = (headers: Record<string, string>) => call(proxy.url, '/api/v1/order/7', { method: 'POST', headers });
    return { upstream, post };
  }

  for (const [what, route] of [
    ['without a policy', {}],
    ['with one', { policy: POLICY }],
    ['where forwarding fields pass', { forwarded: 'pass' }],
  ] as const) {
    it(`does not go on, ${what}`, async () => {
      const { upstream, post } = await stage(route);
      for (const name of [...METHODS, ...TARGETS]) {
        assert.equal((await post({ [name]: METHODS.includes(name) ? 'DELETE' : '/admin/users' })).status, 200, name);
        assert.ok(!upstream.seen.at(-1)!.rawHeaders.includes(name), name);
      }
    });
  }

  it('goes on where the route says so', async () => {
    const { upstream, post } = await stage({ methodOverride: 'pass', forwarded: 'pass' });
    for (const name of [...METHODS, ...TARGETS]) {
      await post({ [name]: 'DELETE' });
      assert.ok(upstream.seen.at(-1)!.rawHeaders.includes(name), name);
    }
  });

  it('is judged by the policy there', async () => {
    const { upstream, post } = await stage({ methodOverride: 'pass', policy: POLICY });
    for (const name of METHODS) {
      for (const method of ['DELETE', 'delete', 'POST, DELETE'])
        assert.equal(ownCode(await post({ [name]: method })), 'policy_refused', `${name}: ${method}`);
    }
    for (const name of TARGETS) {
      for (const target of ['/admin/users', '/%61dmin', 'https://api.example/admin?x=1', '//admin', '/v1/other'])
        assert.equal(ownCode(await post({ [name]: target })), 'policy_refused', `${name}: ${target}`);
    }
    assert.equal(upstream.seen.length, 0);
    assert.equal((await post({ 'X-HTTP-Method-Override': 'GET', 'X-Original-URL': '/v1/order/8' })).status, 200);
  });

  it('is no way round the refusal of login paths there', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        accounts: {
          crm: { flow: 'chatapp', baseUrl: upstream.url, credentials: { email: 'a', password: 'b', appId: 'c' } },
        },
        routes: [{ prefix: '/crm', upstream: upstream.url, account: 'crm', methodOverride: 'pass' }],
      }),
    );
    for (const headers of [
      { 'X-Original-URL': '/v1/tokens' },
      { 'X-Rewrite-URL': '/v1/tokens/refresh', 'X-HTTP-Method-Override': 'POST' },
    ]) {
      assert.equal(
        ownCode(await call(proxy.url, '/crm/v1/licenses', { method: 'POST', headers })),
        'login_path_refused',
      );
    }
    assert.equal(upstream.seen.length, 0);
  });
});
