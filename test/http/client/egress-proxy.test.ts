import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { egressProxy } from '../../../src/app/egress-proxy.ts';
import { Upstream } from '../../../src/http/client/upstream.ts';
import { tokenCallSender } from '../../../src/app/token-endpoint-client.ts';
import { destinationOf, dial, DialError } from '../../../src/http/client/dial.ts';
import type { UpstreamResponse } from '../../../src/http/client/response.ts';
import { TokenCallError } from '../../../src/flows/run.ts';
import { Authority } from '../../support/certificates.ts';
import { freshFolder, writeConfig } from '../../support/files.ts';
import { closing } from '../../support/custom-proxy.ts';
import { fakeTlsUpstream, fakeUpstream } from '../../support/fake-upstream.ts';
import { run } from '../../support/process.ts';
import { requireBuild } from '../../support/tools.ts';
import { closedPort } from '../../support/wire.ts';
import { connectProxy } from './connect-proxy.ts';

const TIMEOUTS = { connect: 2_000, firstByte: 2_000, idle: 2_000 };

function text(reply: UpstreamResponse): Promise<string> {
  return new Promise((resolve, reject) => {
    let all = '';
    reply.pipe({
      write: (chunk) => (all += chunk.toString()).length > 0,
      end: () => resolve(all),
      fail: () => reject(new Error('cut')),
    });
  });
}

describe('a corporate proxy on the way out', () => {
  const folder = freshFolder();
  const close = closing();
  const dialled = (origin: string, via: string, tls = {}, milliseconds = 2_000): Promise<Socket> =>
    dial(destinationOf(origin, tls, via), milliseconds, new AbortController().signal, undefined, () => undefined);
  const upstreamVia = (origin: string, via: string, tls = {}): Upstream =>
    new Upstream(destinationOf(origin, tls, via), { maxConnections: 4, timeouts: TIMEOUTS });

  it('tunnels to an upstream over TLS, whose certificate is checked all the same', async function () {
    const authority = new Authority(this, folder());
    const { cert, key } = authority.forLoopback();
    const server = await close(fakeTlsUpstream({ cert, key }));
    const proxy = await close(connectProxy());
    const upstream = upstreamVia(server.url, proxy.url, { ca: authority.ca });
    for (let i = 0; i < 3; i += 1)
      assert.equal(
        await text(
          await upstream.send(
            { method: 'GET', target: `/${i}`, headers: ['host', 'x'], body: { kind: 'none' } },
            () => undefined,
          ),
        ),
        'fine',
      );
    upstream.close();
    assert.deepEqual(
      server.seen.map(({ target }) => target),
      ['/0', '/1', '/2'],
    );
    // One tunnel for all three.
    const authorityOf = new URL(server.url).host;
    assert.deepEqual(proxy.asked, [`CONNECT ${authorityOf} HTTP/1.1\r\nhost: ${authorityOf}\r\n\r\n`]);
    await assert.rejects(
      dialled(server.url, proxy.url),
      (error: unknown) => error instanceof DialError && /SELF_SIGNED|UNABLE_TO/.test(error.code),
    );
  });

  it('tunnels to an upstream without TLS too', async () => {
    const server = await close(fakeUpstream());
    const proxy = await close(connectProxy());
    const upstream = upstreamVia(server.url, proxy.url);
    assert.equal(
      await text(
        await upstream.send(
          { method: 'GET', target: '/a', headers: ['host', 'x'], body: { kind: 'none' } },
          () => undefined,
        ),
      ),
      'fine',
    );
    upstream.close();
    assert.equal(proxy.asked.length, 1);
  });

  it('is shown the name and password of its URL, and the upstream never sees them', async () => {
    const server = await close(fakeUpstream());
    const proxy = await close(connectProxy());
    const upstream = upstreamVia(server.url, proxy.url.replace('//', '//us%40er:p%3Ass%25@'));
    await text(
      await upstream.send(
        { method: 'GET', target: '/a', headers: ['host', 'x'], body: { kind: 'none' } },
        () => undefined,
      ),
    );
    upstream.close();
    assert.match(
      proxy.asked[0]!,
      new RegExp(`\r\nproxy-authorization: Basic ${Buffer.from('us@er:p:ss%').toString('base64')}\r\n`),
    );
    assert.ok(!server.seen[0]!.rawHeaders.some((one) => /proxy/i.test(one)));
  });

  it('that refuses is told from an upstream that does', async () => {
    const cases: readonly (readonly [string, (socket: Socket) => void])[] = [
      [
        'PROXY_407',
        (socket) =>
          void socket.end(
            'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno',
          ),
      ],
      ['PROXY_403', (socket) => void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')],
      ['PROXY_502', (socket) => void socket.end('HTTP/1.0 502 Bad Gateway\r\n\r\n')],
      ['PROXY_BROKEN', (socket) => void socket.end()],
      ['PROXY_BROKEN', (socket) => void socket.end('HTTP/1.1 200')],
      ['PROXY_BROKEN', (socket) => void socket.end('SSH-2.0-canary\r\n\r\n')],
      // Bytes behind the head would be taken for the upstream's first reply.
      [
        'PROXY_BROKEN',
        (socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse'),
      ],
      ['PROXY_BROKEN', (socket) => void socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}`)],
      ['ECONNRESET', (socket) => void socket.resetAndDestroy()],
    ];
    for (const [code, answer] of cases) {
      const proxy = await close(connectProxy(answer));
      await assert.rejects(
        dialled('https://upstream.example', proxy.url),
        (error: unknown) => error instanceof DialError && error.code === code,
        code,
      );
      const upstream = upstreamVia('https://upstream.example', proxy.url);
      await assert.rejects(
        upstream.send({ method: 'POST', target: '/', headers: [], body: { kind: 'none' } }, () => undefined),
        (error: { code?: string; detail?: string }) => error.code === 'upstream_unreachable' && error.detail === code,
      );
      upstream.close();
      // For the token endpoint it means that nothing was spent.
      await assert.rejects(
        tokenCallSender(
          {},
          () => proxy.url,
        )({ method: 'POST', url: 'https://upstream.example/token', headers: {}, body: 'secret' }),
        (error: unknown) => error instanceof TokenCallError && error.reason === 'connect' && !error.maybeSent,
      );
    }
    await assert.rejects(
      dialled('https://upstream.example', await closedPort()),
      (error: unknown) => error instanceof DialError && error.code === 'ECONNREFUSED',
    );
  });

  it('that answers byte by byte is understood, one that does not answer is given up in time, without a warning', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    const drip = 'HTTP/1.1 200 OK\r\nX-Slow: yes\r\n\r\n';
    const proxy = await close(
      connectProxy((socket) => {
        void (async () => {
          socket.setNoDelay(true);
          for (const letter of drip) {
            socket.write(letter);
            await new Promise((resolve) => setTimeout(resolve, 3));
          }
        })();
      }),
    );
    const socket = await dialled('http://upstream.example', proxy.url);
    socket.destroy();
    const silent = await close(connectProxy(() => undefined));
    await assert.rejects(
      dialled('http://upstream.example', silent.url, {}, 150),
      (error: unknown) => error instanceof DialError && error.code === 'ETIMEDOUT',
    );
    await new Promise(setImmediate);
    process.off('warning', note);
    assert.deepEqual(warnings.map(String), []);
    assert.equal(once.length > 0, true);
  });

  it('carries token calls as well', async function () {
    const authority = new Authority(this, folder());
    const { cert, key } = authority.forLoopback();
    const endpoint = await close(fakeTlsUpstream({ cert, key }));
    const proxy = await close(connectProxy());
    const reply = await tokenCallSender(
      { ca: authority.ca },
      () => proxy.url,
    )({ method: 'POST', url: `${endpoint.url}/token`, headers: {}, body: 'secret' });
    assert.equal(reply.status, 200);
    assert.equal(proxy.asked.length, 1);
    assert.equal(endpoint.seen[0]!.body, 'secret');
    assert.ok(!proxy.asked[0]!.includes('secret'));
  });

  describe('is chosen', () => {
    const names = [
      'HTTPS_PROXY',
      'https_proxy',
      'HTTP_PROXY',
      'http_proxy',
      'ALL_PROXY',
      'all_proxy',
      'NO_PROXY',
      'no_proxy',
    ];
    let saved: NodeJS.ProcessEnv;
    beforeEach(() => {
      saved = { ...process.env };
      for (const name of names) Reflect.deleteProperty(process.env, name);
    });
    afterEach(() => {
      for (const name of names) Reflect.deleteProperty(process.env, name);
      Object.assign(process.env, Object.fromEntries(Object.entries(saved).filter(([name]) => names.includes(name))));
    });

    it('by its URL, for everything but this host itself', () => {
      const via = egressProxy({ egressProxy: 'http://proxy.corp.example:3128' });
      for (const origin of ['https://api.example', 'http://api.example:8080', 'https://10.1.2.3'])
        assert.equal(via(origin), 'http://proxy.corp.example:3128', origin);
      for (const origin of ['http://127.0.0.1:8180', 'http://127.8.9.1', 'https://localhost:1', 'http://[::1]:8080'])
        assert.equal(via(origin), '', origin);
    });

    it('from the environment, with its exceptions', () => {
      Object.assign(process.env, {
        HTTPS_PROXY: 'http://secure.corp.example:3128',
        HTTP_PROXY: 'http://plain.corp.example:3128',
        NO_PROXY: '.internal,api.direct.example,10.1.2.3',
      });
      const via = egressProxy({ egressProxy: 'environment' });
      assert.equal(via('https://api.example'), 'http://secure.corp.example:3128');
      assert.equal(via('http://api.example'), 'http://plain.corp.example:3128');
      for (const origin of [
        'https://billing.internal',
        'https://api.direct.example',
        'https://10.1.2.3',
        'http://127.0.0.1:8180',
        'https://localhost',
        'http://[::1]',
      ])
        assert.equal(via(origin), '', origin);
    });

    it('not at all, if the configuration says none, or the environment is empty', () => {
      assert.equal(egressProxy({ egressProxy: 'environment' })('https://api.example'), '');
      process.env['HTTPS_PROXY'] = 'http://secure.corp.example:3128';
      assert.equal(egressProxy({ egressProxy: 'none' })('https://api.example'), '');
    });

    it('never, if it speaks something else: that is said, without the password in it', () => {
      process.env['HTTPS_PROXY'] = 'socks5://user:pAsSw0rd@proxy.corp.example:1080';
      assert.throws(
        () => egressProxy({ egressProxy: 'environment' })('https://api.example'),
        (error: Error) =>
          error.name === 'ConfigError' && !error.message.includes('pAsSw0rd') && /HTTPS_PROXY/.test(error.message),
      );
    });
  });

  it('of the environment is used by the program, for routes and for token calls', async function () {
    requireBuild(this);
    this.timeout(30_000);
    const { serve } = await import('../../support/process.ts');
    const proxy = await close(connectProxy((socket) => void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')));
    const local = await close(fakeUpstream());
    const file = writeConfig(folder(), {
      listen: { port: 0 },
      operator: { port: 0 },
      store: { type: 'embedded', path: `${folder()}/data` },
      accounts: {
        partner: { flow: 'oauth2', credentials: { tokenUrl: 'https://login.upstream.invalid/token', clientId: 'id' } },
      },
      routes: [
        { prefix: '/far', upstream: 'https://api.upstream.invalid' },
        { prefix: '/token', upstream: 'https://api.upstream.invalid', account: 'partner' },
        { prefix: '/direct', upstream: 'https://direct.invalid' },
        { prefix: '/near', upstream: local.url },
      ],
    });
    const served = await serve(['-c', file], {
      HTTPS_PROXY: proxy.url,
      HTTP_PROXY: proxy.url,
      NO_PROXY: 'direct.invalid',
      https_proxy: '',
      http_proxy: '',
      no_proxy: '',
    });
    try {
      const { call } = await import('../../support/call.ts');
      const far = await call(served.url, '/far/a');
      assert.equal(far.status, 502);
      const { host } = new URL(proxy.url);
      assert.equal(
        (far.json() as { detail: string }).detail,
        `route /far, upstream api.upstream.invalid:443: egress proxy ${host}: the egress proxy responded to CONNECT with 403 (PROXY_403)`,
      );
      assert.equal((await call(served.url, '/token/a')).status, 503);
      assert.deepEqual(
        [...new Set(proxy.asked.map((head) => head.split(' ')[1]))],
        ['api.upstream.invalid:443', 'login.upstream.invalid:443'],
      );
      // By name and not by proxy: there is no such name.
      const direct = await call(served.url, '/direct/a');
      assert.match(
        (direct.json() as { detail: string }).detail,
        /^route \/direct, upstream direct\.invalid:443: .*(ENOTFOUND|EAI_AGAIN|ETIMEDOUT)\)$/,
      );
      assert.equal((await call(served.url, '/near/a')).status, 200);
      assert.deepEqual(new Set(proxy.asked.map((head) => head.split(' ')[1])).size, 2);
    } finally {
      assert.equal(await served.end(), 0);
    }
    const { code, stderr } = await run(['serve', '-c', file], {
      env: { HTTPS_PROXY: 'socks5://user:pAsSw0rd@127.0.0.1:1080', https_proxy: '' },
    });
    assert.equal(code, 2);
    assert.match(stderr, /HTTPS_PROXY/);
    assert.ok(!stderr.includes('pAsSw0rd'));
  });
});
