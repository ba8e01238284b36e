import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConnectionOptions } from 'node:tls';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call } from '../../support/call.ts';
import { Authority, type Certificate } from '../../support/certificates.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { temporaryFolder, type RunningProxy } from '../../support/proxy.ts';
import { ownCode } from '../../support/world.ts';

const KEY = 'kEy-of-the-batch-job-2b1f60';

describe('callers with client certificates', () => {
  const close = closing();

  const folder = temporaryFolder();
  let servers: Authority;
  let callers: Authority;
  /** Bears the same name as the callers' own. */
  let strangers: Authority;
  let server: Certificate;
  before(function () {
    servers = new Authority(this, folder, 'Servers authority');
    callers = new Authority(this, folder, 'Callers authority');
    strangers = new Authority(this, folder, 'Callers authority');
    server = servers.forLoopback();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function stage(clientCertificate: 'optional' | 'required') {
    const { certFile, keyFile } = server;
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: { tls: { certFile, keyFile, clientCaFile: callers.caFile, clientCertificate } },
        callers: [
          { name: 'billing', certificate: 'billing.internal' },
          { name: 'mesh', certificate: 'spiffe://shop.example/ns/shop/sa/backend', routes: ['/mesh'] },
          { name: 'reports', certificate: 'Reports', routes: ['/open'] },
          { name: 'batch', key: keyDigest(KEY), routes: ['/open'] },
        ],
        routes: [
          { prefix: '/open', upstream: upstream.url, account: 'fixed' },
          { prefix: '/mesh', upstream: upstream.url, account: 'fixed' },
        ],
      }),
    );
    const ask = async (
      target: string,
      who?: { cert: string; key: string },
      headers: Record<string, string> = {},
    ): Promise<string> => {
      const answer = await call(proxy.url, target, {
        tls: { ca: servers.ca, ...(who && { cert: who.cert, key: who.key }) },
        headers,
      });
      return answer.status === 200 ? 'ok' : `${answer.status} ${ownCode(answer)}`;
    };
    return { upstream, proxy, ask };
  }

  it('are known by common name, DNS name or URI, and may use what is theirs', async () => {
    const { upstream, ask } = await stage('optional');
    const byCommonName = callers.issue({ cn: 'Reports' });
    const byDns = callers.issue({
      cn: 'anything',
      names: [
        ['DNS', 'other.internal'],
        ['DNS', 'billing.internal'],
      ],
    });
    const byUri = callers.issue({ cn: 'anything', names: [['URI', 'spiffe://shop.example/ns/shop/sa/backend']] });
    assert.deepEqual(
      await Promise.all([
        ask('/open/a', byCommonName),
        ask('/open/b', byDns),
        ask('/mesh/c', byDns),
        ask('/mesh/d', byUri),
      ]),
      ['ok', 'ok', 'ok', 'ok'],
    );
    assert.equal(upstream.seen.length, 4);
    assert.deepEqual(await Promise.all([ask('/mesh/a', byCommonName), ask('/open/b', byUri)]), [
      '403 caller_not_allowed',
      '403 caller_not_allowed',
    ]);
    assert.equal(upstream.seen.length, 4);
  });

  it('go by the alternative names where there are any: the common name beside them says nothing', async () => {
    const { upstream, ask } = await stage('optional');
    for (const names of [
      [['DNS', 'other.internal']],
      [['URI', 'spiffe://other.example/x']],
      [['IP', '127.0.0.1']],
    ] as const)
      assert.equal(await ask('/open/a', callers.issue({ cn: 'Reports', names })), '401 caller_key_missing');
    assert.equal(upstream.seen.length, 0);
    assert.equal(await ask('/open/a', callers.issue({ cn: 'Reports', names: [['DNS', 'billing.internal']] })), 'ok');
    assert.equal(await ask('/mesh/a', callers.issue({ cn: 'Reports', names: [['DNS', 'billing.internal']] })), 'ok');
  });

  it('are nobody with a certificate that names no caller: then a key is asked for', async () => {
    const { upstream, ask } = await stage('optional');
    const names = [
      { cn: 'reports' },
      { cn: 'billing.internal.evil.example' },
      { cn: 'x', names: [['DNS', '*.internal']] },
      { cn: 'x', names: [['URI', 'spiffe://shop.example/ns/shop/sa/backend/x']] },
      // Names that hold what stands between names when they are listed.
      { cn: 'x', names: [['URI', 'x, URI:spiffe://shop.example/ns/shop/sa/backend, URI:y']] },
      { cn: 'x', names: [['DNS', 'x, DNS:billing.internal, DNS:y']] },
      { cn: 'x, DNS:billing.internal' },
      { cn: 'x', names: [['DNS', 'URI:spiffe://shop.example/ns/shop/sa/backend']] },
    ] as const;
    for (const name of names) {
      const who = callers.issue(name);
      assert.equal(await ask('/mesh/a', who), '401 caller_key_missing', JSON.stringify(name));
      assert.equal(await ask('/open/a', who, { 'x-tokenward-key': 'wrong' }), '403 caller_key_unknown');
    }
    assert.equal(upstream.seen.length, 0);
    assert.equal(await ask('/open/a', callers.issue(names[0]), { 'x-tokenward-key': KEY }), 'ok');
  });

  it('are nobody with a certificate of another authority, an expired one, or one they signed themselves', async function () {
    const { upstream, ask } = await stage('optional');
    for (const who of [
      strangers.issue({ cn: 'Reports' }),
      callers.issue({ cn: 'Reports', expired: true }),
      new Authority(this, folder, 'Reports').issue({ cn: 'Reports' }),
    ]) {
      await sleep(10);
      assert.equal(await ask('/open/a', who), '401 caller_key_missing');
      assert.equal(await ask('/open/a', who, { authorization: `Bearer ${KEY}` }), 'ok');
    }
    assert.equal(upstream.seen.length, 3);
  });

  it('optional: callers without one go by their key', async () => {
    const { upstream, ask } = await stage('optional');
    assert.deepEqual(
      [
        await ask('/open/a'),
        await ask('/open/a', undefined, { 'x-api-key': KEY }),
        await ask('/mesh/a', undefined, { 'x-api-key': KEY }),
      ],
      ['401 caller_key_missing', 'ok', '403 caller_not_allowed'],
    );
    assert.equal(upstream.seen.length, 1);
  });

  it('required: nobody gets as far as a request without a good one, not even with a key', async () => {
    const { upstream, ask } = await stage('required');
    await assert.rejects(ask('/open/a', undefined, { 'x-api-key': KEY }));
    await assert.rejects(ask('/open/a', strangers.issue({ cn: 'Reports' }), { 'x-api-key': KEY }));
    assert.equal(upstream.seen.length, 0);
    assert.equal(await ask('/open/a', callers.issue({ cn: 'Reports' })), 'ok');
    assert.equal(await ask('/open/a', callers.issue({ cn: 'no caller' }), { 'x-api-key': KEY }), 'ok');
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`${version}: are who they were when they resume a session, and nobody else`, async function () {
      const { upstream, proxy } = await stage('optional');
      const reports = callers.issue({ cn: 'Reports' });
      const base = { ca: servers.ca, minVersion: version, maxVersion: version };
      const known = await conversation(proxy, { ...base, cert: reports.cert, key: reports.key });
      assert.match(known.text, /^HTTP\/1\.1 200 /);
      const nobody = await conversation(proxy, base);
      assert.match(nobody.text, /^HTTP\/1\.1 401 /);
      const again = await conversation(proxy, {
        ...base,
        cert: reports.cert,
        key: reports.key,
        session: known.session,
      });
      assert.match(again.text, /^HTTP\/1\.1 200 /);
      // The session of somebody without a certificate makes nobody known, whatever is shown with it.
      const resumed = await conversation(proxy, { ...base, session: nobody.session });
      assert.equal(resumed.reused, true);
      assert.match(resumed.text, /^HTTP\/1\.1 401 /);
      assert.equal(upstream.seen.length, 2);
    });

    it(`${version}: required: a session begun without a certificate opens nothing either`, async function () {
      const { upstream, proxy } = await stage('required');
      const base = { ca: servers.ca, minVersion: version, maxVersion: version };
      let session: Buffer | undefined;
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const { text, session: next } = await conversation(proxy, { ...base, session });
        assert.equal(text, '');
        session = next ?? session;
      }
      assert.equal(upstream.seen.length, 0);
    });
  }

  interface Conversation {
    readonly text: string;
    readonly session: Buffer | undefined;
    readonly reused: boolean;
  }

  /** One request on a connection of its own, which is resumable afterwards. */
  async function conversation(proxy: RunningProxy, options: ConnectionOptions): Promise<Conversation> {
    const socket = connect({ port: Number(new URL(proxy.url).port), host: '127.0.0.1', ...options });
    let text = '';
    let session: Buffer | undefined;
    let reused = false;
    socket.on('secureConnect', () => (reused = socket.isSessionReused()));
    socket.on('session', (bytes: Buffer) => (session = bytes));
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.write('GET /open/a HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    await once(socket, 'close').catch(() => undefined);
    return { text, session, reused };
  }
});
