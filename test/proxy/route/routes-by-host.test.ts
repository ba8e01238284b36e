import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { recordingServer } from '../../support/recording-server.ts';
import { ownCode } from '../../support/world.ts';

for (const engine of ['fast', 'express'] as const)
  describe(`a route with a host, read by the ${engine} engine`, () => {
    const close = closing();

    async function start() {
      const upstreams = await Promise.all(
        ['vendor', 'vendor-v2', 'general'].map((name) =>
          close(recordingServer(() => ({ headers: { location: '/next', 'x-upstream': name }, body: { name } }))),
        ),
      );
      const [vendor, v2, general] = upstreams as [(typeof upstreams)[0], (typeof upstreams)[0], (typeof upstreams)[0]];
      const proxy = await close(
        startCustomProxy({
          listen: { engine },
          routes: [
            { host: 'API.vendor.example', upstream: vendor.url, account: 'fixed' },
            { host: 'api.vendor.example', prefix: '/v2', upstream: `${v2.url}/base`, account: 'fixed' },
            { prefix: '/general', upstream: general.url },
          ],
        }),
      );
      const as = (host: string, path: string, headers: Record<string, string> = {}) =>
        call(proxy.url, path, { headers: { host, ...headers } });
      return { vendor, v2, general, proxy, as };
    }

    it('gets every path of its host, unchanged and with the token, whatever case, port and trailing dot', async () => {
      const { vendor, as } = await start();
      for (const host of ['api.vendor.example', 'API.Vendor.example:8080', 'api.vendor.example.']) {
        const reply = await as(host, '/v1/chats?x=1');
        assert.equal(reply.status, 200);
        assert.equal(reply.headers.location, '/next');
      }
      assert.deepEqual(
        vendor.seen.map(({ url, headers }) => [url, headers.host, headers.authorization !== undefined]),
        Array.from({ length: 3 }, () => ['/v1/chats?x=1', new URL(vendor.url).host, true]),
      );
    });

    it('is the one with the longest prefix of that host', async () => {
      const { v2, as } = await start();
      assert.equal((await as('api.vendor.example', '/v2/users')).status, 200);
      assert.equal(v2.seen[0]?.url, '/base/users');
    });

    it('serves no other host, and no other route serves its host', async () => {
      const { vendor, general, as } = await start();
      assert.equal(ownCode(await as('localhost', '/v1/chats')), 'route_unknown');
      assert.equal((await as('localhost', '/general/x')).status, 200);
      assert.equal((await as('api.vendor.example', '/general/x')).status, 200);
      assert.deepEqual([vendor.seen[0]?.url, general.seen.length], ['/general/x', 1]);
      assert.equal(ownCode(await as('other.vendor.example', '/v1')), 'host_refused');
    });

    it('lends its token to no page of another site, and none of its own to another host', async () => {
      const { vendor, general, as } = await start();
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
        assert.equal(ownCode(await as('api.vendor.example', '/v1', headers)), 'cross_site_refused');
      const fromVendorsPage = { origin: 'http://api.vendor.example' };
      assert.equal(ownCode(await as('localhost', '/general/x', fromVendorsPage)), 'cross_site_refused');
      assert.equal(vendor.seen.length + general.seen.length, 0);
    });

    it('has its host and prefix as its name in metrics and on the page', async () => {
      const { proxy, as } = await start();
      await as('api.vendor.example', '/v2/users');
      const metrics = await call(proxy.operatorUrl, '/metrics');
      assert.match(metrics.text, /tokenward_requests_total\{[^}]*route="api\.vendor\.example\/v2"[^}]*\} 1/);
      const { routes } = (await call(proxy.operatorUrl, '/status')).json() as { routes: { prefix: string }[] };
      assert.deepEqual(
        routes.map(({ prefix }) => prefix),
        ['api.vendor.example', 'api.vendor.example/v2', '/general'],
      );
    });
  });
