import assert from 'node:assert/strict';
import { keyDigest } from '../../src/proxy/caller.ts';
import { call } from '../support/call.ts';
import { closing, FIXED_TOKEN } from '../support/custom-proxy.ts';
import { startForwardProxy } from '../support/forward-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';

const HOST = 'api.vendor.example';
const KEY = 'a-key-of-billing-that-is-long-enough';

for (const engine of ['fast', 'express'] as const)
  describe(`a target in absolute form, as clients send it to a proxy, read by the ${engine} engine`, () => {
    const close = closing();

    async function start(config: Record<string, unknown> = {}) {
      const vendor = await close(recordingServer(() => ({ body: 'fine' })));
      const proxy = await close(
        startForwardProxy({
          listen: { engine },
          routes: [
            { host: HOST, upstream: vendor.url, account: 'fixed' },
            { prefix: '/general', upstream: vendor.url, account: 'fixed' },
          ],
          ...config,
        }),
      );
      const ask = async (target: string, headers: Record<string, string>) => {
        const { status, headers: fields } = await call(proxy.url, target, { headers });
        return [status, fields['x-tokenward-error']];
      };
      return { vendor, ask };
    }

    it('gets the token where a route has its host, also with https, which some clients send so', async () => {
      const { vendor, ask } = await start();
      for (const [target, host] of [
        [`http://${HOST}/v1?x=1`, HOST],
        [`http://${HOST}`, `${HOST}:80`],
        [`HTTPS://${HOST.toUpperCase()}:443/v2`, `${HOST}:443`],
      ] as const)
        assert.deepEqual(await ask(target, { host }), [200, undefined], target);
      assert.deepEqual(
        vendor.seen.map(({ url, headers }) => [url, headers.authorization]),
        ['/v1?x=1', '/', '/v2'].map((url) => [url, `Bearer ${FIXED_TOKEN}`]),
      );
    });

    it('is served as before where it names the listener itself', async () => {
      const { vendor, ask } = await start();
      assert.deepEqual(await ask('http://127.0.0.1:1/general/a', { host: '127.0.0.1:1' }), [200, undefined]);
      assert.equal(vendor.seen[0]?.url, '/a');
    });

    it('is refused for every other host, and where Host says another', async () => {
      const { vendor, ask } = await start();
      for (const [target, host] of [
        ['http://other.example/general/a', 'other.example'],
        [`http://${HOST}:8080/v1`, `${HOST}:8080`],
        [`http://${HOST}/v1`, '127.0.0.1'],
        [`http://${HOST}/v1`, 'other.example'],
        ['http://127.0.0.1/general/a', HOST],
        [`http://user@${HOST}/v1`, HOST],
        [`ftp://${HOST}/v1`, HOST],
      ] as const) {
        const [status] = await ask(target, { host });
        assert.ok(status === 400 || status === 403, `${target} for ${host}: ${String(status)}`);
      }
      assert.deepEqual(await ask('http://other.example/general/a', { host: 'other.example' }), [
        403,
        'forward_refused',
      ]);
      assert.equal(vendor.seen.length, 0);
    });

    it('needs the key of the proxy where callers have keys; the fields for the vendor identify nobody', async () => {
      const { vendor, ask } = await start({ callers: [{ name: 'billing', key: keyDigest(KEY) }] });
      const target = `http://${HOST}/v1`;
      const own = { host: HOST, authorization: 'Bearer its-own', 'x-api-key': 'its-own' };
      assert.deepEqual(await ask(target, own), [407, 'proxy_key_missing']);
      assert.deepEqual(await ask(target, { ...own, authorization: `Bearer ${KEY}` }), [407, 'proxy_key_missing']);
      const basic = Buffer.from(`billing:${KEY}`).toString('base64');
      assert.deepEqual(await ask(target, { ...own, 'proxy-authorization': `Basic ${basic}` }), [200, undefined]);
      assert.deepEqual(
        vendor.seen.map(({ headers }) => [headers.authorization, headers['proxy-authorization']]),
        [[`Bearer ${FIXED_TOKEN}`, undefined]],
      );
    });
  });
