import assert from 'node:assert/strict';
import { parseConfig } from '../../src/config/load.ts';
import { keyDigest } from '../../src/proxy/caller.ts';
import type { RefusedCall } from '../../src/refused-calls.ts';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { connectThrough, startForwardProxy } from '../support/forward-proxy.ts';
import { mergePatch } from '../support/merge-patch.ts';
import { statusOf } from '../support/operator.ts';
import { run } from '../support/process.ts';
import type { ConfigObject } from '../support/proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { requireBuild } from '../support/tools.ts';
import { eventually } from '../support/eventually.ts';

const KEY = 'a-key-of-billing-that-is-long-enough';
const KEYED = { 'x-tokenward-key': KEY };
const PROXY_KEYED = { 'proxy-authorization': `Basic ${Buffer.from(`billing:${KEY}`).toString('base64')}` };

describe('a refused call is listed with the configuration that allows it', () => {
  const close = closing();
  const folder = freshFolder();

  async function refusedBy(proxy: { readonly operatorUrl: string }): Promise<readonly RefusedCall[]> {
    await eventually('one is listed', async () => (await statusOf(proxy)).refused.length > 0);
    return (await statusOf(proxy)).refused;
  }

  async function the(proxy: { readonly operatorUrl: string }): Promise<RefusedCall> {
    const all = await refusedBy(proxy);
    assert.equal(all.length, 1, JSON.stringify(all));
    return all[0]!;
  }

  /** The policies, the call's path below /crm, and the line that allows it. */
  const POLICIES: readonly (readonly [string, object, string, string, RegExp])[] = [
    ['allow', { allow: [{ path: '/v2' }] }, 'GET', '/v1/chats', /path: "\/v1\/chats"/],
    ['allow by method', { allow: [{ methods: ['GET'] }] }, 'POST', '/v1/chats', /methods: \[POST\]/],
    [
      'an identifier',
      { allow: [{ path: '/v2' }] },
      'GET',
      '/v1/chats/8ab81239/text?secret=1',
      /"\/v1\/chats\/\*\/text"/,
    ],
    ['letter case', { allow: [{ path: '/v2' }] }, 'GET', '/V1/sendMessage', /"\/V1\/sendMessage"/],
    ['a path parameter', { allow: [{ path: '/v2' }] }, 'GET', '/v1/;x/chats', /"\/v1\/\*"/],
    ['an encoded letter', { allow: [{ path: '/v2' }] }, 'GET', '/v1/ch%61ts', /"\/v1\/\*"/],
    ['the root', { allow: [{ path: '/v2' }] }, 'GET', '/', /path: "\/"/],
    ['deny', { deny: [{ path: '/v1' }, { methods: ['PUT'], path: '/x' }] }, 'GET', '/v1/chats', /deny:\n\s+- .*PUT/],
    ['the only deny', { deny: [{ path: '/v1' }] }, 'GET', '/v1/chats', /deny: \[\]/],
    ['both', { allow: [{ path: '/v2' }], deny: [{ path: '/v1' }] }, 'GET', '/v1/chats', /deny: \[\]\s+allow:/],
  ];

  for (const base of ['', '/base'])
    for (const [what, policy, method, path, line] of POLICIES)
      it(`of a policy: ${what}${base === '' ? '' : ', below an upstream with a path'}`, async () => {
        const vendor = await close(recordingServer(() => ({ body: 'fine' })));
        const config = {
          callers: [{ name: 'billing', key: keyDigest(KEY) }],
          routes: [{ prefix: '/crm', upstream: vendor.url + base, account: 'fixed', policy, maxConnections: 7 }],
        };
        const proxy = await close(startCustomProxy(config));
        assert.equal((await call(proxy.url, `/crm${path}`, { method, headers: KEYED })).status, 403);
        assert.equal((await call(proxy.url, `/crm${path}`, { method, headers: KEYED })).status, 403);
        const { patch, firstAt, lastAt, path: shape, ...call1 } = await the(proxy);
        assert.deepEqual(call1, { caller: 'billing', kind: 'policy', route: '/crm', method, count: 2 });
        assert.ok(lastAt >= firstAt && Math.abs(lastAt - Date.now()) < 10_000);
        assert.match(shape!, /^\/[\w*/]*$/);
        assert.match(patch, line);
        const allowing = await close(startCustomProxy(mergePatch(config, patch)));
        assert.equal((await call(allowing.url, `/crm${path}`, { method, headers: KEYED })).status, 200, patch);
        assert.equal(
          (await call(allowing.url, '/crm/other', { method: 'DELETE', headers: KEYED })).status,
          'allow' in policy ? 403 : 200,
        );
        assert.equal(vendor.seen[0]!.url, base + path);
        assert.deepEqual((await statusOf(proxy)).refused.length, 1, 'nothing is applied by itself');
      });

  it('of a path that no route matches', async () => {
    const vendor = await close(recordingServer(() => ({ body: 'fine' })));
    const config = { routes: [{ prefix: '/crm', upstream: vendor.url, account: 'fixed' }] };
    const proxy = await close(startCustomProxy(config));
    assert.equal((await call(proxy.url, '/orders/7a812c3e/lines?key=secret')).status, 404);
    const { patch, path, kind, caller, method } = await the(proxy);
    assert.deepEqual([path, kind, caller, method], ['/orders/*/lines', 'route', undefined, 'GET']);
    // The upstream is for the person to say.
    const completed = patch.replace('https://upstream.example', vendor.url);
    assert.notEqual(completed, patch);
    const allowing = await close(startCustomProxy(mergePatch(config, completed)));
    assert.equal((await call(allowing.url, '/orders/7a812c3e/lines')).status, 200);
    assert.equal(vendor.seen[0]!.url, '/7a812c3e/lines');
  });

  it('of a path that no route of its host matches, with the path as the vendor knows it', async () => {
    const vendor = await close(recordingServer(() => ({ body: 'fine' })));
    const config = {
      routes: [{ host: 'api.vendor.example', prefix: '/v1', upstream: `${vendor.url}/v1`, account: 'fixed' }],
    };
    const proxy = await close(startCustomProxy(config));
    const headers = { host: 'api.vendor.example' };
    assert.equal((await call(proxy.url, '/v2/chats', { headers })).status, 404);
    const { patch, host, path } = await the(proxy);
    assert.deepEqual([host, path], ['api.vendor.example', '/v2/chats']);
    const allowing = await close(startCustomProxy(mergePatch(config, patch)));
    assert.equal((await call(allowing.url, '/v2/chats', { headers })).status, 200);
    assert.equal(vendor.seen[0]!.url, '/v2/chats');
    assert.match(vendor.seen[0]!.headers.authorization!, /^Bearer fixed/);
  });

  const WITH_CALLERS: ConfigObject = {
    callers: [{ name: 'billing', key: keyDigest(KEY) }],
    routes: [{ host: 'api.vendor.example', upstream: 'https://api.vendor.example', account: 'fixed' }],
  };

  for (const [target, host] of [
    ['other.example:443', 'other.example'],
    ['other.example:80', 'other.example:80'],
    ['192.0.2.7:443', '192.0.2.7'],
  ] as const)
    it(`of a tunnel to ${target} that no route ends`, async () => {
      const proxy = await close(startForwardProxy(WITH_CALLERS));
      assert.equal((await connectThrough(proxy, target, PROXY_KEYED)).status, 403);
      const { patch, count, firstAt, lastAt, ...refused } = await the(proxy);
      assert.deepEqual(refused, { caller: 'billing', kind: 'host', host, method: 'CONNECT' });
      assert.deepEqual([count, firstAt], [1, lastAt]);
      const allowing = await close(startForwardProxy(mergePatch({ listen: {}, ...WITH_CALLERS }, patch)));
      // The tunnel ends here: nobody has to be reached.
      assert.equal((await connectThrough(allowing, target, PROXY_KEYED)).status, 200, patch);
    });

  for (const target of ['other.example:8443', '[2001:db8::7]:443'])
    it(`of a tunnel to ${target}, which can only be let through unread`, async () => {
      const proxy = await close(startForwardProxy(WITH_CALLERS));
      assert.equal((await connectThrough(proxy, target, PROXY_KEYED)).status, 403);
      const { patch } = await the(proxy);
      const merged = mergePatch({ listen: { forward: { tunnel: ['a.example'] } }, ...WITH_CALLERS }, patch);
      const { listen } = merged as { listen: { forward: { tunnel: string[] } } };
      assert.deepEqual(listen.forward.tunnel, ['a.example', target.replace(/^(\[.*\]):443$/, '$1:443')]);
      const allowing = await close(startForwardProxy(merged));
      const { headers } = await connectThrough(allowing, target, PROXY_KEYED);
      assert.notEqual(headers['x-tokenward-error'], 'forward_refused');
    });

  it('of a request in absolute form to a host that no route names', async () => {
    const proxy = await close(startForwardProxy(WITH_CALLERS));
    const headers = { host: 'other.example', ...PROXY_KEYED };
    assert.equal((await call(proxy.url, 'http://other.example/v1/chats?key=secret', { headers })).status, 403);
    const { patch, count, firstAt, lastAt, ...refused } = await the(proxy);
    assert.deepEqual(refused, {
      ...{ caller: 'billing', kind: 'host', host: 'other.example', method: 'GET', path: '/v1/chats' },
    });
    assert.deepEqual([count, firstAt], [1, lastAt]);
    const vendor = await close(recordingServer(() => ({ body: 'fine' })));
    const completed = patch.replace('http://other.example', vendor.url);
    assert.notEqual(completed, patch);
    const allowing = await close(startForwardProxy(mergePatch(WITH_CALLERS, completed)));
    assert.equal((await call(allowing.url, 'http://other.example/v1/chats', { headers })).status, 200);
    assert.equal(vendor.seen.length, 1);
  });

  it('that passes tokenward check, whatever was asked for', async function () {
    requireBuild(this);
    const proxy = await close(startForwardProxy({ ...WITH_CALLERS, listen: { hosts: ['proxy'] } }));
    for (const target of ['true:443', '123:443', 'a_b.example:443', 'x~y.example:443', 'null:80', '[::1]:443', 'on:1'])
      await connectThrough(proxy, target, PROXY_KEYED);
    for (const target of ['/true/x', '/', '//', '/~/x', '/1/2', '/a%20b', '/null'])
      await call(proxy.url, target, { headers: KEYED });
    const refused = await refusedBy(proxy);
    assert.ok(refused.length >= 12, JSON.stringify(refused));
    let config: Record<string, unknown> = {
      ...WITH_CALLERS,
      listen: { port: 0, forward: true },
      accounts: { fixed: { flow: 'static', credentials: { token: 'unused-token' } } },
    };
    for (const { patch } of refused) {
      const merged = mergePatch(config, patch);
      parseConfig(JSON.stringify(merged), {});
      // Two paths may need the same prefix.
      const isNew = !patch.includes('prefix: "/"') || !JSON.stringify(config).includes('"prefix":"/"');
      if (isNew) config = merged;
    }
    const file = writeConfig(folder(), config);
    const { code, stderr, stdout } = await run(['check', '-c', file]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /a_b\.example {2}.*->/);
  });
});
