import assert from 'node:assert/strict';
import { call, metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

/** Ways to write /v1/payment that some server or other takes for it. */
const SPELLINGS = [
  '/v1/payment',
  '/v1/payment/',
  '/v1/payment/77/capture',
  '/v1/payment?x=1',
  '/v1//payment',
  '/v1/payment//',
  '/v1/Payment',
  '/V1/PAYMENT',
  '/v1/%70ayment',
  '/v1/p%61yment/77',
  '/%761/payment',
  '/v1/%50ayment',
  '/v1/payment;x',
  '/v1/payment;x=1/77',
  '/v1;a=b/payment',
  '/v1/%70ayment;%70=1',
  '/v1/payment%3bx',
  '/v1/%2570ayment',
  '/v1/%252570ayment',
  // Bytes that are no UTF-8 must not keep the rest from being decoded.
  '/v1/%70ayment/%ff',
  '/v1/%70ayment;%ff',
  '/v1/%70ayment/%c3%28',
];
const WITH_STRUCTURE = [
  '/v1%2fpayment',
  '/v1%2Fpayment',
  '/v1%5cpayment',
  '/v1/x%2f..%2fpayment',
  '/v1/%2e/payment',
  '/v1/x/%2e%2e/payment',
  '/v1/%2e%2e/v1/payment',
  '/x%2f%2e%2e/v1/payment',
  '/v1%252fpayment',
  '/v1/payment/..%2fharmless',
  '/v1/payment/%2e%2e/harmless',
  '/v1/payment%2f..%2f..%2fharmless',
];

/** Paths that climb once decoded are refused before any policy is asked; all others by the policy. */
const refusal = (target: string): string =>
  /[/\\]\.{1,2}([/\\;]|$)/.test(target.replaceAll(/%2e/gi, '.').replaceAll(/%2f|%5c/gi, '/'))
    ? 'request_target_refused'
    : 'policy_refused';

describe("a route's policy", () => {
  const close = closing();

  async function stage(policy: object, route: object = {}, base = '') {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/api', upstream: `${upstream.url}${base}`, account: 'fixed', policy, ...route }],
      }),
    );
    const ask = async (target: string, method = 'GET'): Promise<string> => {
      const before = upstream.seen.length;
      const answer = await call(proxy.url, `/api${target}`, { method });
      assert.equal(upstream.seen.length - before, answer.status === 200 ? 1 : 0, `${method} ${target}`);
      return answer.status === 200
        ? 'out'
        : method === 'HEAD'
          ? String(answer.headers['x-tokenward-error'])
          : ownCode(answer);
    };
    return { upstream, proxy, ask };
  }

  it('denies a path in whatever spelling, and everything below it', async () => {
    const { ask } = await stage({ deny: [{ path: '/v1/payment' }] });
    for (const spelling of SPELLINGS) assert.equal(await ask(spelling), 'policy_refused', spelling);
    for (const other of [
      '/',
      '/v1',
      '/v1/payments',
      '/v1/pay',
      '/v2/payment',
      '/x/v1/payment',
      '/v1/order?payment=/v1/payment',
      '/v1/order;payment',
      '/v1/order/%ff',
      '/v1/100%25',
    ])
      assert.equal(await ask(other), 'out', other);
  });

  it('denies it also where encoded slashes and dots may pass', async () => {
    const { ask } = await stage({ deny: [{ path: '/v1/payment' }] }, { encodedPaths: 'pass' });
    for (const spelling of [...SPELLINGS, ...WITH_STRUCTURE])
      assert.equal(await ask(spelling), refusal(spelling), spelling);
    for (const other of ['/v1/a%2fb', '/v1/order%2e', '/v1/order/x%2fpayment'])
      assert.equal(await ask(other), 'out', other);
  });

  it('denies a method on a path only, if it says so', async () => {
    const { ask } = await stage({ deny: [{ methods: ['DELETE', 'PUT'], path: '/v1/order' }, { methods: ['PATCH'] }] });
    assert.deepEqual([await ask('/v1/order/7'), await ask('/v1/customer/7', 'DELETE')], ['out', 'out']);
    assert.deepEqual(
      [await ask('/v1/order/7', 'DELETE'), await ask('/v1/order', 'PUT'), await ask('/anything', 'PATCH')],
      ['policy_refused', 'policy_refused', 'policy_refused'],
    );
  });

  it('allows what it lists and nothing else; deny goes before', async () => {
    const { ask } = await stage({
      allow: [{ methods: ['GET', 'HEAD'], path: '/v1/order' }, { path: '/v1/customer/*/notes' }],
      deny: [{ path: '/v1/order/secret' }],
    });
    for (const [method, target] of [
      ['GET', '/v1/order'],
      ['HEAD', '/v1/order/7'],
      ['GET', '/v1/%6frder/7'],
      ['POST', '/v1/customer/7/notes'],
      ['PUT', '/v1/customer/a@b:c/notes/3'],
    ] as const)
      assert.equal(await ask(target, method), 'out', `${method} ${target}`);
    for (const [method, target] of [
      ['POST', '/v1/order'],
      ['GET', '/v1/orders'],
      ['GET', '/v1'],
      ['GET', '/'],
      ['GET', '/v1/customer/7'],
      ['GET', '/v1/customer/notes'],
      ['GET', '/v1/customer/7/8/notes'],
      ['GET', '/v1/order/secret'],
      ['GET', '/v1/order/%73ecret/7'],
      ['OPTIONS', '/v1/order'],
      // Once decoded this is nothing that is allowed, and who decodes twice is not asked to.
      ['GET', '/v1/%256frder'],
    ] as const)
      assert.equal(await ask(target, method), 'policy_refused', `${method} ${target}`);
  });

  it('allows a path with encoded structure only if it is allowed however it is read', async () => {
    const { ask } = await stage({ allow: [{ path: '/v1/order' }] }, { encodedPaths: 'pass' });
    for (const target of ['/v1/order/a%2fb', '/v1/order/a%2eb']) assert.equal(await ask(target), 'out', target);
    for (const target of [
      '/v1/order/..%2fadmin',
      '/v1/order/%2e%2e/admin',
      '/admin/..%2fv1/order',
      '/admin/%2e%2e/v1/order',
      '/admin%2f..%2fv1/order',
      '/v1/order%2f..%2f..%2fadmin',
      '/v1/order/%252e%252e/admin',
      '/admin%2fv1/order',
    ])
      assert.equal(await ask(target), refusal(target), target);
  });

  it("means paths below the route's prefix, whatever path the upstream has", async () => {
    const { ask, upstream } = await stage(
      { allow: [{ path: '/v1/order' }], deny: [{ path: '/v1/order/secret' }] },
      { encodedPaths: 'pass' },
      '/base/v9',
    );
    assert.equal(await ask('/v1/order/7'), 'out');
    assert.equal(upstream.seen[0]!.target, '/base/v9/v1/order/7');
    for (const target of ['/v1/order/secret', '/base/v9/v1/order', '/..%2f..%2fv1/order', '/%2e%2e/v9/v1/orders'])
      assert.equal(await ask(target), refusal(target), target);
  });

  it('may be written with letters beyond ASCII, or encoded', async () => {
    const { ask } = await stage({ deny: [{ path: '/заказ' }, { path: '/caf%C3%A9' }] });
    for (const target of [
      `/${encodeURIComponent('заказ')}/7`,
      `/${encodeURIComponent('заказ').toLowerCase()}`,
      '/caf%c3%a9',
    ])
      assert.equal(await ask(target), 'policy_refused', target);
    assert.equal(await ask(`/${encodeURIComponent('заказы')}`), 'out');
  });

  it('that only reports lets everything pass, and counts what it would have refused', async () => {
    const { ask, proxy } = await stage({
      mode: 'report',
      allow: [{ path: '/v1/order' }],
      deny: [{ path: '/v1/order/secret' }],
    });
    for (const target of ['/v1/order', '/v1/order/secret', '/v1/order/%73ecret', '/v1/else', '/v1/other'])
      assert.equal(await ask(target), 'out', target);
    const counted = (labels: Record<string, string>): Promise<number> =>
      metric(proxy.operatorUrl, 'tokenward_policy_verdicts_total', { route: '/api', ...labels });
    assert.deepEqual(
      await Promise.all([
        counted({ reason: 'denied', outcome: 'reported' }),
        counted({ reason: 'not_allowed', outcome: 'reported' }),
        counted({ outcome: 'refused' }),
      ]),
      [2, 2, 0],
    );
  });

  it('that is enforced counts what it has refused', async () => {
    const { ask, proxy } = await stage({ allow: [{ path: '/v1' }], deny: [{ path: '/v1/secret' }] });
    for (const target of ['/v1/order', '/v1/secret', '/v2']) await ask(target);
    const counted = (labels: Record<string, string>): Promise<number> =>
      metric(proxy.operatorUrl, 'tokenward_policy_verdicts_total', labels);
    assert.deepEqual(
      await Promise.all([
        counted({ reason: 'denied', outcome: 'refused' }),
        counted({ reason: 'not_allowed', outcome: 'refused' }),
        counted({ outcome: 'reported' }),
      ]),
      [1, 1, 0],
    );
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_errors_total', { route: '/api', reason: 'policy_refused' }),
      2,
    );
  });

  it('is not told to who may not call at all', async () => {
    const { proxy } = await stage({ deny: [{ path: '/v1' }] });
    assert.equal(ownCode(await call(proxy.url, '/api/v1/%2e%2e/x')), 'request_target_refused');
    assert.equal(ownCode(await call(proxy.url, '/elsewhere/v1')), 'route_unknown');
  });
});
