import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { AUDIENCE, BACKEND, ISSUER, signingKey } from '../callers/jwt-makers.ts';
import { call } from '../../support/call.ts';
import { Authority } from '../../support/certificates.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { headerValues, ownCode } from '../../support/world.ts';

const KEY = 'kEy-of-a-caller-77c0d1e2';
const PLAN = 'usage-plan-1';

describe('an X-Api-Key that the application sends for the upstream', () => {
  const close = closing();
  const folder = freshFolder();

  async function stage(more: object) {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        ...more,
        accounts: {
          keyed: {
            flow: 'static',
            credentials: { token: 'oUrS-1a2b3c4d' },
            attach: { header: 'X-Api-Key', value: '{token}' },
          },
        },
        routes: [
          { prefix: '/with', upstream: upstream.url, account: 'fixed' },
          { prefix: '/without', upstream: upstream.url },
          { prefix: '/keyed', upstream: upstream.url, account: 'keyed' },
        ],
      }),
    );
    const keys = (): string[] => headerValues(upstream.seen.at(-1)!.rawHeaders, 'x-api-key');
    return { upstream, proxy, keys };
  }

  it('passes where nobody has a key, with an account and without one', async () => {
    const { upstream, proxy, keys } = await stage({});
    for (const prefix of ['/with', '/without']) {
      assert.equal((await call(proxy.url, `${prefix}/a`, { headers: { 'X-Api-Key': PLAN } })).status, 200);
      assert.deepEqual(keys(), [PLAN]);
    }
    await call(proxy.url, '/with/a', { headers: { X_Api_Key: PLAN } });
    assert.deepEqual(headerValues(upstream.seen.at(-1)!.rawHeaders, 'x_api_key'), [PLAN]);
  });

  it("gives way to the account's own token in that field, with its look-alikes", async () => {
    const { upstream, proxy, keys } = await stage({});
    await call(proxy.url, '/keyed/a', { headers: { 'X-Api-Key': PLAN, X_API_KEY: PLAN } });
    assert.deepEqual(keys(), ['oUrS-1a2b3c4d']);
    assert.ok(!upstream.seen[0]!.rawHeaders.includes(PLAN));
  });

  it('ends here where some caller has a key, whoever sends it and however he is known', async () => {
    const { upstream, proxy } = await stage({ callers: [{ name: 'batch', key: keyDigest(KEY) }] });
    const proofs: Record<string, string>[] = [
      { 'x-api-key': KEY },
      { X_API_KEY: KEY, 'x-tokenward-key': KEY },
      { 'x-tokenward-key': KEY, 'x-api-key': PLAN },
      { authorization: `Bearer ${KEY}`, 'X-Api-Key': KEY },
    ];
    for (const headers of proofs) assert.equal((await call(proxy.url, '/with/a', { headers })).status, 200);
    assert.equal(upstream.seen.length, proofs.length);
    for (const { rawHeaders } of upstream.seen)
      assert.doesNotMatch(rawHeaders.join('\n'), new RegExp(`${KEY}|${PLAN}|x.api.key`, 'i'));
  });

  it('passes where callers are known by a JWT alone, which does not count in that field', async () => {
    const key = await signingKey('one');
    const jwks = join(folder(), 'jwks.json');
    writeFileSync(jwks, JSON.stringify({ keys: [key.jwk] }));
    const { upstream, proxy, keys } = await stage({
      jwt: { issuer: ISSUER, audience: AUDIENCE, jwks },
      callers: [{ name: 'backend', jwt: BACKEND }],
    });
    const token = await key.token();
    for (const proof of [
      { authorization: `Bearer ${token}` },
      { 'x-tokenward-key': token },
      { 'proxy-authorization': `Bearer ${token}` },
    ]) {
      assert.equal((await call(proxy.url, '/with/a', { headers: { ...proof, 'x-api-key': PLAN } })).status, 200);
      assert.deepEqual(keys(), [PLAN]);
      assert.ok(!upstream.seen.at(-1)!.rawHeaders.join('\n').includes(token));
    }
    assert.equal(ownCode(await call(proxy.url, '/with/a', { headers: { 'x-api-key': token } })), 'caller_key_missing');
    assert.equal(upstream.seen.length, 3);
  });

  it('passes where callers are known by their certificates alone', async function () {
    const servers = new Authority(this, folder(), 'Servers authority');
    const clients = new Authority(this, folder(), 'Callers authority');
    const { certFile, keyFile } = servers.forLoopback();
    const { proxy, keys } = await stage({
      listen: { tls: { certFile, keyFile, clientCaFile: clients.caFile } },
      callers: [{ name: 'shop', certificate: 'shop.internal' }],
    });
    const { cert, key } = clients.issue({ cn: 'shop', names: [['DNS', 'shop.internal']] });
    assert.equal(
      (await call(proxy.url, '/with/a', { headers: { 'x-api-key': PLAN }, tls: { ca: servers.ca, cert, key } })).status,
      200,
    );
    assert.deepEqual(keys(), [PLAN]);
  });
});
