import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import request from 'supertest';
import { call } from '../../support/call.ts';
import { Authority } from '../../support/certificates.ts';
import { freshFolder } from '../../support/files.ts';
import { FIXED_TOKEN, closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';
import { headerValues } from '../../support/world.ts';

describe('the listener over HTTPS', () => {
  const folder = freshFolder();
  const close = closing();

  async function stage(context: Mocha.Context, more: object = {}, route: object = {}) {
    const authority = new Authority(context, folder());
    const { certFile, keyFile } = authority.issue({
      cn: 'loopback',
      names: [
        ['IP', '127.0.0.1'],
        ['DNS', 'proxy.example'],
      ],
    });
    const upstream = await close(
      fakeUpstream((_request, response) => {
        response.setHeader('location', `${upstream.url}/moved?to=1`);
        response.end('fine');
      }),
    );
    const proxy = await close(
      startCustomProxy({
        listen: { tls: { certFile, keyFile, ...more } },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...route }],
      }),
    );
    return { authority, upstream, proxy, trusted: { ca: authority.ca } };
  }

  it('serves callers who trust its authority, and those only', async function () {
    const { upstream, proxy, trusted } = await stage(this);
    await request(proxy.url).get('/api/x').ca(trusted.ca).expect(200, 'fine');
    await assert.rejects(request(proxy.url).get('/api/x'), /self-signed|unable to/);
    assert.equal(upstream.seen.length, 1);
    assert.deepEqual(headerValues(upstream.seen[0]!.rawHeaders, 'authorization'), [`Bearer ${FIXED_TOKEN}`]);
  });

  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    it(`refuses ${version}`, async function () {
      const { upstream, proxy, trusted } = await stage(this);
      // At security level 0 the caller itself has no objection, so it is the listener that refuses.
      await assert.rejects(
        call(proxy.url, '/api/x', {
          tls: { ...trusted, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' },
        }),
        (error: NodeJS.ErrnoException) => /alert protocol version|ECONNRESET/i.test(error.message),
      );
      assert.equal(upstream.seen.length, 0);
      assert.equal((await call(proxy.url, '/api/x', { tls: { ...trusted, maxVersion: 'TLSv1.2' } })).status, 200);
    });
  }

  it('refuses TLS 1.2 too where 1.3 is asked for', async function () {
    const { upstream, proxy, trusted } = await stage(this, { minVersion: 'TLSv1.3' });
    await assert.rejects(call(proxy.url, '/api/x', { tls: { ...trusted, maxVersion: 'TLSv1.2' } }));
    assert.equal(upstream.seen.length, 0);
    assert.equal((await call(proxy.url, '/api/x', { tls: trusted })).status, 200);
  });

  it('says https of itself: in X-Forwarded-Proto and in Locations', async function () {
    const { upstream, proxy, trusted } = await stage(this, {}, { forwarded: 'add' });
    await request(proxy.url)
      .get('/api/x')
      .ca(trusted.ca)
      .set({ host: 'proxy.example:8443', 'x-forwarded-proto': 'gopher' })
      .expect(200)
      .expect('location', 'https://proxy.example:8443/api/moved?to=1');
    assert.deepEqual(headerValues(upstream.seen[0]!.rawHeaders, 'x-forwarded-proto'), ['https']);
    assert.deepEqual(headerValues(upstream.seen[0]!.rawHeaders, 'x-forwarded-host'), ['proxy.example:8443']);
  });

  it('cuts off who speaks plain HTTP, and who begins no handshake', async function () {
    this.timeout(20_000);
    const { upstream, proxy, trusted } = await stage(this);
    const plain = await dial(proxy.url.replace('https:', 'http:'));
    plain.socket.write('GET /api/x HTTP/1.1\r\nHost: proxy\r\n\r\n');
    assert.doesNotMatch(await plain.closed(), /^HTTP\/1\.1 200/m);
    // One says nothing at all; one begins to, and stops.
    const silent = [
      connect(Number(new URL(proxy.url).port), '127.0.0.1'),
      connect(Number(new URL(proxy.url).port), '127.0.0.1'),
    ];
    silent[1]!.write(Buffer.from([0x16, 0x03, 0x01]));
    const startedAt = performance.now();
    for (const socket of silent) socket.on('error', () => undefined).resume();
    await Promise.all(silent.map((socket) => once(socket, 'close')));
    assert.ok(performance.now() - startedAt < 14_000);
    assert.equal(upstream.seen.length, 0);
    assert.equal((await call(proxy.url, '/api/x', { tls: trusted })).status, 200);
  });

  it('keeps a connection for several requests', async function () {
    const { upstream, proxy, trusted } = await stage(this);
    const socket = connectTls({ port: Number(new URL(proxy.url).port), host: '127.0.0.1', ...trusted });
    socket.setEncoding('latin1');
    await once(socket, 'secureConnect');
    for (const number of [1, 2, 3]) {
      socket.write(`GET /api/${number} HTTP/1.1\r\nHost: proxy\r\n\r\n`);
      let text = '';
      while (!text.endsWith('fine')) text += ((await once(socket, 'data')) as [string])[0];
      assert.match(text, /^HTTP\/1\.1 200 /);
    }
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      ['/1', '/2', '/3'],
    );
    socket.destroy();
  });
});
