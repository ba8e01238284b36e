import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { Authority } from '../../support/certificates.ts';
import { eventually } from '../../support/eventually.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');
const get = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\nHost: proxy\r\n${more}\r\n`;

const IVAN = utf8('Иван');
/** The same word in windows-1251, as PHP and Delphi programs of that time write it. */
const IVAN_1251 = '\xc8\xe2\xe0\xed';
const IVAN_ENCODED = '%D0%98%D0%B2%D0%B0%D0%BD';
const CHUNKED = 'POST /api/chunked HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n';
const CHUNKED_BODY = `6\r\n\xff\xfecaf\xe9\r\n0\r\n\r\n`;

describe('letters beyond ASCII that stand in a target as they are', () => {
  const close = closing();
  const folder = freshFolder();

  async function stage(config: Parameters<typeof startCustomProxy>[0] = {}) {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: `${upstream.url}/base`, account: 'fixed' }], ...config }),
    );
    /**
     * The targets that the upstream has seen when `count` requests have come to it, and every answer was a good one.
     */
    const targets = async (count: number, received: () => string): Promise<string[]> => {
      await eventually('the answers', async () => (received().match(/HTTP\/1\.1 \d/g)?.length ?? 0) >= count);
      assert.doesNotMatch(received(), /HTTP\/1\.1 [^2]/);
      return upstream.seen.map(({ target }) => target);
    };
    return { upstream, proxy, targets };
  }

  for (const [what, sent, arrives] of [
    ['UTF-8 in a path', `/api/${IVAN}/x`, `/base/${IVAN_ENCODED}/x`],
    ['UTF-8 in a query', `/api?q=${IVAN}&r[]=1`, `/base/?q=${IVAN_ENCODED}&r[]=1`],
    ['windows-1251 in a path', `/api/${IVAN_1251}`, '/base/%C8%E2%E0%ED'],
    ['windows-1251 in a query', `/api/x?q=${IVAN_1251}%20`, '/base/x?q=%C8%E2%E0%ED%20'],
    ['bytes that are no text', '/api/\x80\xff', '/base/%80%FF'],
  ] as const) {
    // Whole: the fast path reads it. Its first byte alone, or cut within a letter: node:http does.
    for (const [how, cuts] of [
      ['in one piece', []],
      ['its first byte alone', [1]],
      ['cut within its letters', [get(sent).search(/[\x80-\xff]/) + 1]],
      ['byte by byte', Array.from(get(sent), (_, i) => i + 1)],
    ] as const) {
      it(`are encoded: ${what}, ${how}`, async () => {
        const { proxy, targets } = await stage();
        const line = await dial(proxy.url);
        for (let i = 0; i <= cuts.length; i += 1) {
          line.socket.write(get(sent).slice(cuts[i - 1] ?? 0, cuts[i]), 'latin1');
          if (i < 3) await sleep(15);
          else if (i % 16 === 0) await sleep(1);
        }
        assert.deepEqual(await targets(1, line.received), [arrives]);
        line.socket.destroy();
      });
    }
  }

  it('are encoded in HTTP/1.0', async () => {
    const { proxy, targets } = await stage();
    const line = await dial(proxy.url);
    line.socket.write(`GET /api/${IVAN} HTTP/1.0\r\n\r\n`, 'latin1');
    assert.deepEqual(await targets(1, line.received), [`/base/${IVAN_ENCODED}`]);
  });

  it('are encoded with every request on a connection, whatever came before on it', async () => {
    const { upstream, proxy, targets } = await stage();
    const line = await dial(proxy.url);
    const packets = [
      get(`/api/1${IVAN}`),
      `${CHUNKED}${CHUNKED_BODY}`,
      get(`/api/2${IVAN}`),
      `\r\n${get(`/api/3${IVAN}`)}`,
      `POST /api/4${IVAN} HTTP/1.1\r\nHost: proxy\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n`,
      '\xff\r\n\xfe',
      get(`/api/5${IVAN}`),
    ];
    for (const packet of packets) {
      line.socket.write(packet, 'latin1');
      await sleep(40);
    }
    await eventually('all are there', async () => upstream.seen.length === 6);
    assert.deepEqual(
      await targets(6, () => line.received().replaceAll('HTTP/1.1 100 Continue\r\n\r\n', '')),
      [1, 'chunked', 2, 3, 4, 5].map((i) => (i === 'chunked' ? '/base/chunked' : `/base/${i}${IVAN_ENCODED}`)),
    );
    assert.deepEqual(
      upstream.seen.map(({ body }) => body),
      ['', '\xff\xfecaf\xe9', '', '', '\xff\r\n\xfe', ''],
    );
    line.socket.destroy();
  });

  it('are encoded in requests sent one behind the other', async () => {
    const { proxy, targets } = await stage();
    const line = await dial(proxy.url);
    line.socket.write(
      get(`/api/1${IVAN}`) +
        get('/api/2', `X-Name: ${IVAN}\r\n`) +
        get(`/api/3?${IVAN_1251}`) +
        get(`/api/4${IVAN}`).repeat(40),
      'latin1',
    );
    assert.deepEqual((await targets(43, line.received)).sort(), [
      `/base/1${IVAN_ENCODED}`,
      '/base/2',
      '/base/3?%C8%E2%E0%ED',
      ...Array<string>(40).fill(`/base/4${IVAN_ENCODED}`),
    ]);
    line.socket.destroy();
  });

  it('are encoded in those of a caller who reads his answers late, so that he is not read meanwhile', async () => {
    const upstream = await close(fakeUpstream((_request, response) => void response.end('x'.repeat(300_000))));
    const routes = [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }];
    const line = await dial((await close(startCustomProxy({ routes }))).url);
    line.socket.pause();
    for (let i = 0; i < 10; i += 1) {
      line.socket.write(Array.from({ length: 10 }, (_, j) => get(`/api/${i * 10 + j}${IVAN}`)).join(''), 'latin1');
      await sleep(20);
    }
    line.socket.resume();
    await eventually('all answers', async () => line.received().match(/HTTP\/1\.1 200/g)?.length === 100);
    const expected = Array.from({ length: 100 }, (_, i) => `/${i}${IVAN_ENCODED}`);
    assert.deepEqual(new Set(upstream.seen.map(({ target }) => target)), new Set(expected));
    line.socket.destroy();
  });

  it('are encoded over TLS', async function () {
    const { certFile, keyFile } = new Authority(this, folder()).issue({ cn: 'loopback', names: [['IP', '127.0.0.1']] });
    const { proxy, targets } = await stage({ listen: { tls: { certFile, keyFile } } });
    const socket = connectTls({
      port: Number(new URL(proxy.url).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    }).setEncoding('latin1');
    let received = '';
    socket.on('data', (text: string) => (received += text));
    await once(socket, 'secureConnect');
    for (const packet of [
      get(`/api/1${IVAN}`),
      `${CHUNKED}${CHUNKED_BODY}`,
      get(`/api/2${IVAN_1251}`) + get(`/api/3${IVAN}`),
    ]) {
      socket.write(packet, 'latin1');
      await sleep(40);
    }
    assert.deepEqual((await targets(4, () => received)).sort(), [
      `/base/1${IVAN_ENCODED}`,
      '/base/2%C8%E2%E0%ED',
      `/base/3${IVAN_ENCODED}`,
      '/base/chunked',
    ]);
    socket.destroy();
  });

  it('stay what they are in header fields and bodies, by either reader', async () => {
    const { upstream, proxy, targets } = await stage();
    const text = `POST /api/${IVAN} HTTP/1.1\r\nHost: proxy\r\nX-Name: ${IVAN_1251}\r\nContent-Length: ${Buffer.byteLength(IVAN, 'latin1')}\r\n\r\n${IVAN}`;
    // Cut before the line end of the first line: what follows it is none of it.
    for (const pieces of [
      [text],
      [text.slice(0, 1), text.slice(1)],
      [text.slice(0, text.indexOf('\r\n')), text.slice(text.indexOf('\r\n'))],
    ]) {
      upstream.seen.length = 0;
      const line = await dial(proxy.url);
      for (const piece of pieces) {
        line.socket.write(piece, 'latin1');
        await sleep(20);
      }
      assert.deepEqual(await targets(1, line.received), [`/base/${IVAN_ENCODED}`]);
      const { body, rawHeaders } = upstream.seen[0]!;
      assert.deepEqual([body, rawHeaders[rawHeaders.indexOf('X-Name') + 1]], [IVAN, IVAN_1251]);
      line.socket.destroy();
    }
  });

  it('belong to the length: what is longer than 8 KiB once encoded is refused', async () => {
    const { upstream, proxy } = await stage();
    const line = await dial(proxy.url);
    line.socket.write(get(`/api/${IVAN.repeat(400)}`, 'Connection: close\r\n'), 'latin1');
    assert.match(await line.closed(), /^HTTP\/1\.1 414 [^]*target_too_long/);
    assert.equal(upstream.seen.length, 0);
  });
});
