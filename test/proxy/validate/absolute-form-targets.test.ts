import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { Authority } from '../../support/certificates.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const KEY = 'kEy-of-the-whole-url-job-77c1';
const outcome = (answer: string): string => /^x-tokenward-error: (\S+)/im.exec(answer)?.[1] ?? answer.slice(9, 12);

/** The outcome of a request: its error code or its status; once in one piece, once with its first byte alone. */
async function outcomes(base: string, line: string, fields: readonly string[] = []): Promise<string> {
  const text = `${line}\r\n${fields.map((field) => `${field}\r\n`).join('')}Connection: close\r\n\r\n`.replaceAll(
    'PORT',
    new URL(base).port,
  );
  const all: string[] = [];
  for (const pieces of [[text], [text.slice(0, 1), text.slice(1)]]) {
    const wire = await dial(base);
    for (const piece of pieces) {
      wire.socket.write(piece, 'latin1');
      await sleep(10);
    }
    all.push(outcome(await wire.closed()));
  }
  assert.equal(all[0], all[1]);
  return all[0]!;
}

describe('a target that is a whole URL', () => {
  const close = closing();
  const folder = freshFolder();

  async function stage(config: Parameters<typeof startCustomProxy>[0] = {}) {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [
          { prefix: '/api', upstream: `${upstream.url}/base`, account: 'fixed' },
          { prefix: '/', upstream: `${upstream.url}/root`, account: 'fixed' },
        ],
        ...config,
      }),
    );
    return { upstream, proxy };
  }

  for (const [target, host, arrives] of [
    ['http://127.0.0.1:PORT/api/x?q=1', '127.0.0.1:PORT', '/base/x?q=1'],
    ['http://proxy/api/x', 'proxy', '/base/x'],
    ['HTTP://Proxy:80/api', 'proxy', '/base/'],
    ['http://proxy:8080/api/a?b=http://c/d', 'PROXY:8080', '/base/a?b=http://c/d'],
    ['http://[::1]:PORT/api/x', '[::1]:PORT', '/base/x'],
    ['http://localhost./api/x', 'localhost', '/base/x'],
    ['http://proxy', 'proxy', '/root/'],
    ['http://proxy?q=1', 'proxy', '/root/?q=1'],
    ['http://proxy/api/\xd0\x98', 'proxy', '/base/%D0%98'],
  ] as const) {
    it(`is taken for its path and query where its host is ours: ${target} with Host: ${host}`, async () => {
      const { upstream, proxy } = await stage();
      assert.equal(await outcomes(proxy.url, `GET ${target} HTTP/1.1`, [`Host: ${host}`]), '200');
      assert.deepEqual(
        upstream.seen.map((seen) => seen.target),
        [arrives, arrives],
      );
    });
  }

  for (const [target, host] of [
    ['http://elsewhere.example/api/x', 'proxy'],
    ['http://proxy/api/x', 'elsewhere.example'],
    ['http://elsewhere.example/api/x', 'elsewhere.example'],
    ['http://proxy/api/x', 'proxy.example'],
    ['http://proxy:81/api/x', 'proxy'],
    ['http://127.0.0.1/api/x', '127.0.0.1:PORT'],
    ['https://proxy/api/x', 'proxy'],
    ['ftp://proxy/api/x', 'proxy'],
    ['http://user@proxy/api/x', 'proxy'],
    ['http://proxy@elsewhere.example/api/x', 'proxy'],
    ['http:///api/x', 'proxy'],
    ['http://proxy//api/x', 'proxy'],
    ['http://proxy/api/../x', 'proxy'],
    ['http://proxy/api/a%2fb', 'proxy'],
    ['http://proxy/api#x', 'proxy'],
  ] as const) {
    it(`is refused, and nothing goes out: ${target} with Host: ${host}`, async () => {
      const { upstream, proxy } = await stage();
      assert.match(
        await outcomes(proxy.url, `GET ${target} HTTP/1.1`, [`Host: ${host}`]),
        /^request_(target_refused|malformed)$/,
      );
      assert.equal(upstream.seen.length, 0);
    });
  }

  it('needs a Host as any other', async () => {
    const { upstream, proxy } = await stage();
    assert.equal(await outcomes(proxy.url, 'GET http://proxy/api/x HTTP/1.1'), 'request_malformed');
    assert.equal(
      await outcomes(proxy.url, 'GET http://proxy/api/x HTTP/1.1', ['Host: proxy', 'Host: proxy']),
      'request_malformed',
    );
    assert.equal(upstream.seen.length, 0);
    // HTTP/1.0 knows none.
    assert.equal(await outcomes(proxy.url, 'GET http://proxy/api/x HTTP/1.0'), '200');
    assert.equal(await outcomes(proxy.url, 'GET http://elsewhere.example/api/x HTTP/1.0'), 'request_target_refused');
  });

  it('about the server as a whole is refused as an asterisk is', async () => {
    const { proxy } = await stage();
    assert.equal(await outcomes(proxy.url, 'OPTIONS http://proxy HTTP/1.1', ['Host: proxy']), 'request_target_refused');
  });

  it('is judged by the rules for paths: policy and login paths', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', policy: { deny: [{ path: '/admin' }] } }],
      }),
    );
    assert.equal(await outcomes(proxy.url, 'GET http://proxy/api/admin/x HTTP/1.1', ['Host: proxy']), 'policy_refused');
    assert.equal(await outcomes(proxy.url, 'GET http://proxy/nowhere HTTP/1.1', ['Host: proxy']), 'route_unknown');
  });

  it('may have any host that Host names too where callers show a key', async () => {
    const { proxy } = await stage({ listen: { hosts: [] }, callers: [{ name: 'job', key: keyDigest(KEY) }] });
    const key = `X-Tokenward-Key: ${KEY}`;
    assert.equal(
      await outcomes(proxy.url, 'GET http://gateway.internal/api/x HTTP/1.1', ['Host: gateway.internal', key]),
      '200',
    );
    assert.equal(
      await outcomes(proxy.url, 'GET http://gateway.internal/api/x HTTP/1.1', ['Host: proxy', key]),
      'request_target_refused',
    );
  });

  it('begins with https on a listener with TLS', async function () {
    const { certFile, keyFile } = new Authority(this, folder()).issue({ cn: 'loopback', names: [['IP', '127.0.0.1']] });
    const { upstream, proxy } = await stage({ listen: { tls: { certFile, keyFile } } });
    for (const [scheme, expected] of [
      ['https', '200'],
      ['http', 'request_target_refused'],
    ] as const) {
      const socket = connectTls({
        port: Number(new URL(proxy.url).port),
        host: '127.0.0.1',
        rejectUnauthorized: false,
      }).setEncoding('latin1');
      await once(socket, 'secureConnect');
      socket.write(`GET ${scheme}://proxy/api/x HTTP/1.1\r\nHost: proxy:443\r\nConnection: close\r\n\r\n`);
      let text = '';
      for await (const piece of socket) text += piece as string;
      assert.equal(outcome(text), expected, scheme);
    }
    assert.deepEqual(
      upstream.seen.map((seen) => seen.target),
      ['/base/x'],
    );
  });
});
