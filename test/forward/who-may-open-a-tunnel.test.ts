import assert from 'node:assert/strict';
import { call, metric } from '../support/call.ts';
import { askWithin } from '../support/ask-within.ts';
import { closing, FIXED_TOKEN } from '../support/custom-proxy.ts';
import { connectThrough, secureThrough, startForwardProxy } from '../support/forward-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { keyDigest } from '../../src/proxy/caller.ts';
import { AUDIENCE, BACKEND, ISSUER, signingKey } from '../proxy/callers/jwt-makers.ts';
import { eventually } from '../support/eventually.ts';
import { httpServer } from '../support/wire.ts';

const HOST = 'api.vendor.example';
const KEY = 'a-key-of-billing-that-is-long-enough';
const OTHER_KEY = 'a-key-of-reports-that-is-long-enough';

function basic(name: string, key: string): Record<string, string> {
  return { 'proxy-authorization': `Basic ${Buffer.from(`${name}:${key}`).toString('base64')}` };
}

describe('with callers, a tunnel', () => {
  const close = closing();

  async function start(engine: 'fast' | 'express' = 'fast') {
    const vendor = await close(recordingServer(() => ({ body: 'fine' })));
    const proxy = await close(
      startForwardProxy({
        listen: { engine, forward: { tunnel: ['other.example'] } },
        callers: [
          { name: 'billing', key: keyDigest(KEY) },
          { name: 'reports', key: keyDigest(OTHER_KEY), routes: ['/open'] },
        ],
        routes: [
          { host: HOST, upstream: vendor.url, account: 'fixed' },
          { prefix: '/open', upstream: vendor.url },
        ],
      }),
    );
    return { vendor, proxy };
  }

  for (const engine of ['fast', 'express'] as const)
    it(`is had with the key as the password of the proxy, read by the ${engine} engine`, async () => {
      const { vendor, proxy } = await start(engine);
      const tls = await secureThrough(proxy, HOST, { headers: basic('any', KEY) });
      // What the application sends to its vendor identifies nobody, and does not travel on.
      const own = { host: HOST, authorization: 'Bearer its-own', 'x-api-key': 'its-own' };
      assert.deepEqual((await askWithin(tls, '/v1', own)).status, 200);
      tls.destroy();
      assert.equal(vendor.seen[0]?.headers.authorization, `Bearer ${FIXED_TOKEN}`);
      assert.equal(
        await metric(proxy.operatorUrl, 'tokenward_caller_requests_total', { caller: 'billing', outcome: 'admitted' }),
        1,
      );
    });

  it('is not had without a key: 407 says how to send it, also where the tunnel would be unread', async () => {
    const { vendor, proxy } = await start();
    for (const target of [`${HOST}:443`, 'other.example:443', 'unknown.example:443']) {
      const { status, headers } = await connectThrough(proxy, target, { authorization: `Bearer ${KEY}` });
      assert.deepEqual(
        [status, headers['x-tokenward-error'], headers['proxy-authenticate']],
        [407, 'proxy_key_missing', 'Basic realm="tokenward"'],
      );
    }
    assert.equal(vendor.seen.length, 0);
  });

  it('is not had with a wrong key, which is counted like any other', async () => {
    const { proxy } = await start();
    const statuses: number[] = [];
    for (let tries = 0; tries < 40; tries += 1)
      statuses.push((await connectThrough(proxy, `${HOST}:443`, basic('billing', `wrong-${tries}`))).status);
    assert.equal(statuses[0], 403);
    assert.equal(statuses.at(-1), 429);
    assert.equal(
      (await connectThrough(proxy, `${HOST}:443`, basic('billing', KEY))).status,
      200,
      'the right one passes',
    );
  });

  it('opened with a token ends its requests when the token has expired', async function () {
    this.timeout(30_000);
    const key = await signingKey('one');
    const keySet = await close(httpServer((_request, response) => response.end(JSON.stringify({ keys: [key.jwk] }))));
    const vendor = await close(recordingServer(() => ({ body: 'fine' })));
    const proxy = await close(
      startForwardProxy({
        jwt: { issuer: ISSUER, audience: AUDIENCE, jwks: `${keySet.url}/keys` },
        callers: [{ name: 'backend', jwt: BACKEND }],
        routes: [{ host: HOST, upstream: vendor.url, account: 'fixed' }],
      }),
    );
    // Clocks may differ by 30 s.
    const token = await key.token({ exp: Math.floor(Date.now() / 1000) - 26 });
    const tls = await secureThrough(proxy, HOST, { headers: { 'proxy-authorization': `Bearer ${token}` } });
    assert.equal((await askWithin(tls, '/v1', { host: HOST })).status, 200);
    await eventually('it has expired', async () => {
      return (await askWithin(tls, '/v1', { host: HOST })).code === 'caller_key_unknown';
    });
    const seen = vendor.seen.length;
    assert.equal((await askWithin(tls, '/v1', { host: HOST })).status, 403);
    assert.equal(vendor.seen.length, seen);
    tls.destroy();
  });

  it('of a caller that may not use the route carries the refusal, which an application can read', async () => {
    const { vendor, proxy } = await start();
    const tls = await secureThrough(proxy, HOST, { headers: basic('reports', OTHER_KEY) });
    const { status, code } = await askWithin(tls, '/v1', { host: HOST });
    assert.deepEqual([status, code, vendor.seen.length], [403, 'caller_not_allowed', 0]);
    tls.destroy();
  });

  it('does not lend the key to a page: a browser sends it with the requests of all pages', async () => {
    const { vendor, proxy } = await start();
    const page = { host: HOST, origin: 'https://evil.example' };
    const tls = await secureThrough(proxy, HOST, { headers: basic('billing', KEY) });
    assert.equal((await askWithin(tls, '/v1', page)).code, 'cross_site_refused');
    tls.destroy();
    const plain = await call(proxy.url, `http://${HOST}/v1`, { headers: { ...page, ...basic('billing', KEY) } });
    assert.equal(plain.headers['x-tokenward-error'], 'cross_site_refused');
    assert.equal(vendor.seen.length, 0);
  });
});
