import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { agreement, frame, handshake, KEY, TEXT, webSocketUpstream } from '../../support/web-socket.ts';
import { dial } from '../../support/wire.ts';
import type { ConfigObject } from '../../support/proxy.ts';

const CALLER_KEY = 'kEy-of-the-chat-client-77e0';

describe('a handshake is refused', () => {
  const close = closing();

  async function stage(config: ConfigObject = {}, options: Parameters<typeof webSocketUpstream>[0] = {}) {
    const upstream = await close(webSocketUpstream(options));
    const proxy = await close(
      startCustomProxy({
        routes: [
          { prefix: '/api', upstream: upstream.url, account: 'fixed', upgrade: ['websocket'] },
          { prefix: '/plain', upstream: upstream.url, account: 'fixed' },
        ],
        ...config,
      }),
    );
    return { upstream, proxy };
  }

  /** The whole answer to these bytes, in one piece and split behind the first byte. */
  async function answersTo(base: string, text: string): Promise<string[]> {
    const answers: string[] = [];
    for (const at of [0, 1]) {
      const line = await dial(base);
      line.socket.write(text.slice(0, at));
      await sleep(10);
      line.socket.write(text.slice(at));
      answers.push(await line.closed());
    }
    return answers;
  }

  const upgrade = (target: string, ...fields: readonly string[]): string =>
    `GET ${target} HTTP/1.1\r\nHost: proxy\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;

  it('on a route without it, and where no route has it, with the setting that would allow it', async () => {
    const { upstream, proxy } = await stage();
    for (const answer of await answersTo(proxy.url, handshake('/plain/a'))) {
      assert.match(answer, /^HTTP\/1\.1 501 Not Implemented\r\n/);
      assert.match(answer, /route \/plain does not allow websocket; upgrade: \[websocket\] on it would/);
    }
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_errors_total', { route: '/plain', reason: 'upgrade_refused' }),
      2,
    );
    const none = await stage({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] });
    for (const answer of await answersTo(none.proxy.url, handshake('/api/a')))
      assert.match(answer, /^HTTP\/1\.1 501 [^]*upgrade: \[websocket\]/);
    assert.equal(upstream.handshakes.length + upstream.requests.length, 0);
  });

  for (const [what, text, status] of [
    ['for another protocol', upgrade('/api/a', 'Connection: upgrade', 'Upgrade: other'), 501],
    ['for one of several', upgrade('/api/a', 'Connection: upgrade', 'Upgrade: websocket, other'), 501],
    ['for h2c among others', upgrade('/api/a', 'Connection: upgrade', 'Upgrade: h2c, websocket'), 501],
    ['for two', upgrade('/api/a', 'Connection: upgrade', 'Upgrade: websocket', 'Upgrade: websocket'), 501],
    ['that Connection does not name', upgrade('/api/a', 'Upgrade: websocket'), 501],
    ['with a body', upgrade('/api/a', 'Connection: upgrade', 'Upgrade: websocket', 'Content-Length: 5') + 'hello', 501],
    [
      'with chunks',
      upgrade('/api/a', 'Connection: upgrade', 'Upgrade: websocket', 'Transfer-Encoding: chunked') + '0\r\n\r\n',
      501,
    ],
    ['by POST', handshake('/api/a').replace('GET', 'POST'), 501],
    ['in HTTP/1.0', handshake('/api/a').replace('HTTP/1.1', 'HTTP/1.0'), 501],
    ['without a key', handshake('/api/a').replace(/Sec-WebSocket-Key.*\r\n/, ''), 400],
    ['with a short key', handshake('/api/a').replace(KEY, 'AAAA'), 400],
    ['with a climbing path', handshake('/api/../a'), 400],
    ['with an encoded slash', handshake('/api/a%2fb'), 400],
    ['without a Host', handshake('/api/a').replace('Host: proxy\r\n', ''), 400],
    ['with two Hosts', handshake('/api/a', 'Host: proxy'), 400],
    ['with an expectation', handshake('/api/a', 'Expect: 100-continue'), 501],
    ['of a page of another site', handshake('/api/a', 'Origin: https://evil.example'), 403],
    ['of a page that hides where it is from', handshake('/api/a', 'Origin: null'), 403],
    ['of a page, by Sec-Fetch-Site', handshake('/api/a', 'Sec-Fetch-Site: cross-site'), 403],
    ['under an unknown name', handshake('/api/a').replace('Host: proxy', 'Host: rebound.example'), 403],
    ['on no route', handshake('/nowhere'), 404],
  ] as const) {
    it(`${what}, with ${status}; nothing behind it is carried out`, async () => {
      const { upstream, proxy } = await stage();
      for (const answer of await answersTo(proxy.url, `${text}DELETE /api/b HTTP/1.1\r\nHost: proxy\r\n\r\n`)) {
        assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*X-Tokenward-Error: `, 'i'));
        assert.equal(answer.match(/^HTTP\/1\.1 /gm)?.length, 1);
      }
      assert.equal(upstream.handshakes.length + upstream.requests.length, 0);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
    });
  }

  it('behind a request that still waits for its response', async () => {
    const { upstream, proxy } = await stage();
    const line = await dial(proxy.url);
    line.socket.write(`GET /api/first HTTP/1.1\r\nHost: proxy\r\n\r\n${handshake('/api/a')}`);
    assert.match(await line.closed(), /^HTTP\/1\.1 200 [^]*fine[^]*HTTP\/1\.1 501 /);
    assert.deepEqual([upstream.requests.length, upstream.handshakes.length], [1, 0]);
  });

  it("by policy and callers' keys, as any request", async () => {
    const upstream = await close(webSocketUpstream());
    const proxy = await close(
      startCustomProxy({
        callers: [{ name: 'chat', key: keyDigest(CALLER_KEY), routes: ['/api'] }],
        routes: [
          {
            prefix: '/api',
            upstream: upstream.url,
            account: 'fixed',
            upgrade: ['websocket'],
            policy: { allow: [{ path: '/chat' }] },
          },
          { prefix: '/other', upstream: upstream.url, account: 'fixed', upgrade: ['websocket'] },
        ],
      }),
    );
    const key = `X-Tokenward-Key: ${CALLER_KEY}`;
    for (const [text, code] of [
      [handshake('/api/chat'), 'caller_key_missing'],
      [handshake('/api/chat', 'X-Tokenward-Key: wrong'), 'caller_key_unknown'],
      [handshake('/other/chat', key), 'caller_not_allowed'],
      [handshake('/api/admin', key), 'policy_refused'],
    ] as const) {
      for (const answer of await answersTo(proxy.url, text))
        assert.match(answer, new RegExp(`x-tokenward-error: ${code}`));
    }
    assert.equal(upstream.handshakes.length, 0);
    const line = await dial(proxy.url);
    line.socket.write(handshake('/api/chat', key, 'Origin: https://app.example'));
    await line.until(/101 /);
    line.socket.destroy();
    await eventually('it is logged', () => proxy.lines.some((one) => /upgraded.*"caller":"chat"/.test(one)));
    assert.equal(upstream.handshakes[0]!.headers['x-tokenward-key'], undefined);
  });

  it('if a page of another site uses a password that the browser adds by itself', async () => {
    const { upstream, proxy } = await stage({
      callers: [{ name: 'chat', key: keyDigest(CALLER_KEY) }],
      listen: { hosts: ['pages.internal'] },
    });
    const basic = `Authorization: Basic ${Buffer.from(`chat:${CALLER_KEY}`).toString('base64')}`;
    for (const answer of await answersTo(proxy.url, handshake('/api/chat', basic, 'Origin: https://evil.example')))
      assert.match(answer, /^HTTP\/1\.1 403 [^]*cross_site_refused/);
    assert.equal(upstream.handshakes.length, 0);
    for (const fields of [
      [basic],
      [basic, 'Origin: http://proxy'],
      [basic, 'Origin: https://pages.internal'],
      [`Authorization: Bearer ${CALLER_KEY}`, 'Origin: https://evil.example'],
    ]) {
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/chat', ...fields));
      await line.until(/101 /);
      line.socket.destroy();
    }
  });

  it('beyond limits.upgraded, and is taken again once one has ended', async () => {
    const { proxy } = await stage({ limits: { upgraded: 2 } });
    const lines = [await dial(proxy.url), await dial(proxy.url)];
    for (const line of lines) {
      line.socket.write(handshake('/api/a'));
      await line.until(/101 /);
    }
    for (const answer of await answersTo(proxy.url, handshake('/api/a')))
      assert.match(answer, /^HTTP\/1\.1 503 [^]*retry-after: 1[^]*limits\.upgraded/i);
    assert.equal((await fetch(`${proxy.url}/api/plain`)).status, 200);
    lines[0]!.socket.destroy();
    await eventually('a place is free', async () => {
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/a'));
      const answer = await line.until(/\r\n\r\n/);
      line.socket.destroy();
      return answer.includes(' 101 ');
    });
    lines[1]!.socket.destroy();
    await eventually('all have ended', async () => {
      return (await metric(proxy.operatorUrl, 'tokenward_upgraded_connections')) === 0;
    });
  });

  for (const [what, answer] of [
    ['to another protocol', () => 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n'],
    ['without a protocol', () => 'HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n'],
    ['without Connection', (_key: string, full: string) => full.replace(/Connection.*\r\n/, '')],
    ['of another handshake', (key: string, full: string) => full.replace(key, 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=')],
    [
      'without Sec-WebSocket-Accept',
      (key: string, full: string) => full.replace(`Sec-WebSocket-Accept: ${key}\r\n`, ''),
    ],
    [
      'with a length and chunks',
      (_key: string, full: string) =>
        full.replace('Upgrade:', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\nUpgrade:'),
    ],
  ] as const) {
    it(`by a 502 if the upstream switches ${what}`, async () => {
      const { upstream, proxy } = await stage(
        {},
        {
          answer: (request) => {
            const full = agreement(request);
            return answer(/Accept: (\S+)/.exec(full)![1]!, full);
          },
        },
      );
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/a'));
      line.socket.write(frame(TEXT, 'secret', true));
      assert.match(await line.closed(), /^HTTP\/1\.1 502 [^]*upstream_broken/);
      await eventually('the upstream is rid of it', () => upstream.handshakes[0]!.closed);
      assert.equal(upstream.handshakes[0]!.frames.length, 0);
    });
  }
});
