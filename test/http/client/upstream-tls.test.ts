import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerOptions } from 'node:https';
import { createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { destinationOf, dial, DialError } from '../../../src/http/client/dial.ts';
import { call } from '../../support/call.ts';
import { Authority, type Certificate } from '../../support/certificates.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeTlsUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

describe('an upstream over TLS', () => {
  const folder = freshFolder();
  const close = closing();

  async function stage(options: ServerOptions, tls?: object) {
    const upstream = await close(fakeTlsUpstream(options));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...(tls && { tls }) }] }),
    );
    return { upstream, proxy };
  }

  /** What the caller gets to hear, after it was made sure that nothing arrived. */
  async function refusal({ upstream, proxy }: Awaited<ReturnType<typeof stage>>): Promise<string> {
    for (const method of ['GET', 'POST']) {
      const answer = await call(proxy.url, '/api/a', { method, ...(method === 'POST' && { body: 'x' }) });
      assert.equal(answer.status, 502);
      if (method === 'POST') assert.equal(upstream.seen.length, 0);
      else continue;
      return `${ownCode(answer)} ${(answer.json() as { detail?: string }).detail ?? ''}`;
    }
    throw new Error('unreachable');
  }

  it('of an unknown authority is refused: 502 that says TLS', async function () {
    const { cert, key } = new Authority(this, folder()).forLoopback();
    assert.match(
      await refusal(await stage({ cert, key })),
      /^upstream_unreachable route \/api, upstream 127\.0\.0\.1:\d+: .*\(TLS: /,
    );
  });

  it('is believed with the authority of caFile, and with that alone', async function () {
    const [right, wrong] = [new Authority(this, folder()), new Authority(this, folder())];
    const { cert, key } = right.forLoopback();
    const { upstream, proxy } = await stage({ cert, key }, { caFile: right.caFile });
    assert.equal((await call(proxy.url, '/api/a')).status, 200);
    assert.equal(upstream.seen.length, 1);
    assert.match(
      await refusal(await stage({ cert, key }, { caFile: wrong.caFile })),
      /^upstream_unreachable route \/api, upstream 127\.0\.0\.1:\d+: .*\(TLS: /,
    );
  });

  it('with another name in its certificate, or one out of date, is refused', async function () {
    const authority = new Authority(this, folder());
    const tls = { caFile: authority.caFile };
    for (const subject of [
      { cn: '127.0.0.1' },
      { cn: 'x', names: [['DNS', '127.0.0.1']] },
      { cn: 'x', names: [['IP', '127.0.0.2']] },
      { cn: 'x', names: [['DNS', 'localhost']] },
      { cn: 'x', names: [['IP', '127.0.0.1']], expired: true },
    ] as const) {
      const { cert, key } = authority.issue(subject);
      assert.match(
        await refusal(await stage({ cert, key }, tls)),
        /^upstream_unreachable .*: its certificate (is for another host name|has expired) \(TLS: (ERR_TLS_CERT_ALTNAME_INVALID|CERT_HAS_EXPIRED)\)$/,
        JSON.stringify(subject),
      );
    }
  });

  it('is refused by its name too, where it has one', async function () {
    const authority = new Authority(this, folder());
    for (const [name, good] of [
      ['localhost', true],
      ['*.localhost', false],
      ['localhost.example', false],
    ] as const) {
      const { cert, key } = authority.issue({ cn: 'x', names: [['DNS', name]] });
      const upstream = await close(fakeTlsUpstream({ cert, key }));
      const proxy = await close(
        startCustomProxy({
          routes: [
            {
              prefix: '/api',
              upstream: upstream.url.replace('127.0.0.1', 'localhost'),
              tls: { caFile: authority.caFile },
            },
          ],
        }),
      );
      assert.equal((await call(proxy.url, '/api/a')).status, good ? 200 : 502, name);
      assert.equal(upstream.seen.length, good ? 1 : 0);
    }
  });

  it('may ask who we are, and sees our certificate', async function () {
    const authority = new Authority(this, folder());
    const { cert, key } = authority.forLoopback();
    const ours = authority.issue({ cn: 'tokenward at the shop' });
    const shown: unknown[] = [];
    const upstream = await close(
      fakeTlsUpstream(
        { cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: true },
        (request, response) => {
          shown.push((request.socket as TLSSocket).getPeerCertificate().subject.CN);
          response.end('fine');
        },
      ),
    );
    const route = (tls: object): object => ({
      routes: [{ prefix: '/api', upstream: upstream.url, tls: { caFile: authority.caFile, ...tls } }],
    });
    const proxy = await close(startCustomProxy({ ...route({ certFile: ours.certFile, keyFile: ours.keyFile }) }));
    assert.equal((await call(proxy.url, '/api/a')).status, 200);
    assert.deepEqual(shown, ['tokenward at the shop']);
    const without = await close(startCustomProxy({ ...route({}) }));
    assert.equal((await call(without.url, '/api/a')).status, 502);
    assert.equal(upstream.seen.length, 1);
  });

  it('of an older TLS than the route wants is refused: 502 that says TLS', async function () {
    const authority = new Authority(this, folder());
    const { cert, key } = authority.forLoopback();
    const old = { cert, key, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    assert.match(
      await refusal(await stage(old, { caFile: authority.caFile })),
      /^upstream_unreachable route \/api, upstream 127\.0\.0\.1:\d+: .*\(TLS: /,
    );
    const second = { cert, key, maxVersion: 'TLSv1.2' } as const;
    assert.match(
      await refusal(await stage(second, { caFile: authority.caFile, minVersion: 'TLSv1.3' })),
      /^upstream_unreachable route \/api, upstream 127\.0\.0\.1:\d+: .*\(TLS: /,
    );
    assert.equal((await call((await stage(second, { caFile: authority.caFile })).proxy.url, '/api/a')).status, 200);
  });

  it('files that cannot be used keep tokenward from starting, and the error names them', async function () {
    const authority = new Authority(this, folder());
    const [one, other] = [authority.issue({ cn: 'one' }), authority.issue({ cn: 'other' })];
    const start = (tls: object): Promise<unknown> =>
      startCustomProxy({ routes: [{ prefix: '/api', upstream: 'https://127.0.0.1:9', tls }] });
    await assert.rejects(
      start({ caFile: `${folder()}/none.pem` }),
      (error: Error) => error.name === 'TlsFileError' && /none\.pem cannot be read \(ENOENT\)/.test(error.message),
    );
    await assert.rejects(
      start({ certFile: one.certFile, keyFile: other.keyFile }),
      (error: Error) => error.name === 'TlsFileError' && error.message.includes(one.certFile),
    );
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`${version}: is checked again however often it was right before: resuming a session is no way round`, async function () {
      const authority = new Authority(this, folder());
      const good = authority.forLoopback();
      const serve = (certificate: Certificate, port = 0) => {
        const server = createServer(
          { cert: certificate.cert, key: certificate.key, minVersion: version, maxVersion: version },
          (socket) => {
            socket.on('error', () => undefined);
            socket.on('data', () =>
              socket.end(
                `HTTP/1.1 200 OK\r\nX-Resumed: ${socket.isSessionReused()}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfine`,
              ),
            );
          },
        );
        server.on('tlsClientError', () => undefined);
        server.listen(port, '127.0.0.1');
        return server;
      };
      const first = serve(good);
      await once(first, 'listening');
      const { port } = first.address() as AddressInfo;
      const proxy = await close(
        startCustomProxy({
          routes: [
            {
              prefix: '/api',
              upstream: `https://127.0.0.1:${port}`,
              account: 'fixed',
              tls: { caFile: authority.caFile },
            },
          ],
        }),
      );
      const resumed: unknown[] = [];
      for (let i = 0; i < 3; i += 1) resumed.push((await call(proxy.url, '/api/a')).headers['x-resumed']);
      // It does resume: otherwise this test would show nothing.
      assert.deepEqual(resumed, ['false', 'true', 'true']);
      first.close();
      await once(first, 'close');
      // Somebody else takes the address.
      const impostor = serve(new Authority(this, folder()).forLoopback(), port);
      await once(impostor, 'listening');
      for (let i = 0; i < 3; i += 1) assert.equal(ownCode(await call(proxy.url, '/api/a')), 'upstream_unreachable');
      impostor.close();
      await once(impostor, 'close');
      const back = serve(good, port);
      await once(back, 'listening');
      assert.equal((await call(proxy.url, '/api/a')).status, 200);
      back.close();
    });
  }

  it('that lets the handshake hang is given up in time', async () => {
    const { createServer: createTcp } = await import('node:net');
    const server = createTcp((socket) => socket.on('error', () => undefined).resume());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await assert.rejects(
      dial(destinationOf(`https://127.0.0.1:${port}`), 200, new AbortController().signal, undefined, () => undefined),
      (error: unknown) => error instanceof DialError && error.code === 'ETIMEDOUT',
    );
    server.close();
  });
});
