import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket, type CloseEvent, type MessageEvent } from 'undici';
import { metric } from '../../support/call.ts';
import { closing, FIXED_TOKEN, startCustomProxy } from '../../support/custom-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { agreement, BINARY, frame, handshake, TEXT, webSocketUpstream } from '../../support/web-socket.ts';
import { dial } from '../../support/wire.ts';

const nextMessage = async (client: WebSocket): Promise<unknown> =>
  ((await once(client as unknown as EventTarget, 'message')) as [MessageEvent])[0].data;

describe('a WebSocket through the proxy', () => {
  const close = closing();

  async function stage(options: Parameters<typeof webSocketUpstream>[0] = {}, engine = 'fast', more = {}) {
    const upstream = await close(webSocketUpstream(options));
    const proxy = await close(
      startCustomProxy({
        listen: { engine },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', upgrade: ['websocket'], ...more }],
      }),
    );
    return { upstream, proxy };
  }

  for (const engine of ['fast', 'express']) {
    it(`carries messages both ways, with the token on the handshake (${engine})`, async () => {
      const { upstream, proxy } = await stage(
        { answer: (request) => agreement(request, 'Sec-WebSocket-Protocol: v2.chat\r\n') },
        engine,
      );
      const client = new WebSocket(`${proxy.url.replace('http', 'ws')}/api/chat?room=1`, ['v1.chat', 'v2.chat']);
      await once(client as unknown as EventTarget, 'open');
      assert.equal(client.protocol, 'v2.chat');
      for (const text of ['hello', 'x'.repeat(200), 'y'.repeat(100_000)]) {
        client.send(text);
        assert.equal(await nextMessage(client), text);
      }
      client.close(1000, 'done');
      const [{ code, reason }] = (await once(client as unknown as EventTarget, 'close')) as [CloseEvent];
      assert.deepEqual([code, reason], [1000, 'done']);
      const [seen] = upstream.handshakes;
      assert.equal(seen!.headers['sec-websocket-protocol'], 'v1.chat, v2.chat');
      assert.equal(seen!.target, '/chat?room=1');
      assert.equal(seen!.headers.authorization, `Bearer ${FIXED_TOKEN}`);
      assert.equal(seen!.headers.connection, 'upgrade');
      assert.equal(seen!.headers.upgrade, 'websocket');
      assert.match(seen!.headers['sec-websocket-extensions'] ?? '', /permessage-deflate/);
      assert.equal(seen!.headers.host, new URL(upstream.url).host);
      await eventually('it has ended', async () => {
        return (await metric(proxy.operatorUrl, 'tokenward_upgraded_connections')) === 0;
      });
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_upgrades_total', { route: '/api' }), 1);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_upgrades_ended_total', { reason: 'client' }), 1);
      assert.ok((await metric(proxy.operatorUrl, 'tokenward_upgraded_bytes_total', { direction: 'to_client' })) > 1e5);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
      const lines = proxy.lines.filter((line) => line.includes('upgraded connection ended'));
      assert.equal(lines.length, 1);
      assert.match(
        lines[0]!,
        /"route":"\/api","account":"fixed","request_id":"[^"]+","kind":"websocket","reason":"client"/,
      );
    });

    it(`loses no byte that comes with the handshake, on either side (${engine})`, async () => {
      const greeting = frame(TEXT, 'welcome', false);
      const { upstream, proxy } = await stage(
        { answer: (request) => agreement(request) + greeting.toString('latin1') },
        engine,
      );
      const early = Buffer.concat([frame(TEXT, 'first', true), frame(BINARY, randomBytes(3_000), true)]);
      for (const cut of [0, 1, 500, early.length]) {
        const line = await dial(proxy.url);
        const head = Buffer.from(handshake('/api/a'));
        line.socket.write(Buffer.concat([head, early.subarray(0, cut)]));
        line.socket.write(early.subarray(cut));
        await line.until(/welcome[^]*first/);
        await eventually('both have come', () => upstream.handshakes.at(-1)!.frames.length === 2);
        assert.equal(String(upstream.handshakes.at(-1)!.frames[0]!.payload), 'first');
        assert.equal(upstream.handshakes.at(-1)!.frames[1]!.payload.length, 3_000);
        line.socket.destroy();
      }
    });
  }

  it('comes behind ordinary requests on the same connection', async () => {
    const { upstream, proxy } = await stage();
    const line = await dial(proxy.url);
    for (const count of [1, 2]) {
      line.socket.write('GET /api/plain HTTP/1.1\r\nHost: proxy\r\n\r\n');
      await line.until(new RegExp(`(fine[^]*){${count}}`));
    }
    line.socket.write(handshake('/api/a'));
    await line.until(/101 Switching Protocols[^]*\r\n\r\n/);
    line.socket.write(frame(TEXT, 'behind', true));
    await line.until(/behind/);
    assert.equal(upstream.requests.length, 2);
    line.socket.destroy();
  });

  it('tells the client in a 101 what the upstream said, but no secret, cookie or field of its connection', async () => {
    const { proxy } = await stage({
      answer: (request) =>
        agreement(
          request,
          `Sec-WebSocket-Protocol: v2\r\nX-Echo: ${FIXED_TOKEN}\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\n`,
        ),
    });
    const line = await dial(proxy.url);
    line.socket.write(handshake('/api/a'));
    const head = await line.until(/\r\n\r\n/);
    assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n/);
    assert.match(head, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
    assert.match(head, /Sec-WebSocket-Protocol: v2\r\n[^]*X-Kept: 1\r\n/);
    assert.doesNotMatch(head, /cookie|x-echo|content-length|keep-alive/i);
    line.socket.destroy();
  });

  it("goes to its upstream under the upstream's origin, if the client sent the proxy's own", async () => {
    const { upstream, proxy } = await stage();
    for (const origin of ['http://proxy', 'https://shop.internal']) {
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/a', `Origin: ${origin}`));
      await line.until(/101 /);
      line.socket.destroy();
    }
    assert.deepEqual(
      upstream.handshakes.map(({ headers }) => headers.origin),
      [upstream.url, 'https://shop.internal'],
    );
  });

  it('may be another protocol that the route lists, and is joined without a look at its bytes', async () => {
    const { upstream, proxy } = await stage(
      {
        answer: () => 'HTTP/1.1 101 OK\r\nConnection: keep-alive, upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
        serve: ({ socket }) =>
          void socket.on('data', (bytes) => socket.write(bytes)).on('end', () => socket.end('end')),
      },
      'fast',
      { upgrade: ['spdy/3.1'] },
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/x HTTP/1.1\r\nHost: proxy\r\nConnection: upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n');
    await line.until(
      /101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY\/3\.1\r\nx-request-id: \S+\r\n\r\n/,
    );
    line.socket.write('\x88\x80 not a frame');
    await line.until(/not a frame/);
    // Half-closed: what the upstream says after that still arrives.
    line.socket.end();
    assert.match(await line.closed(), /not a frameend$/);
    assert.equal(upstream.handshakes.length, 1);
  });
});
