import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { dial, httpServer, tcpServer } from '../../support/wire.ts';

describe('a caller who stops reading', () => {
  const close = closing();

  /** Writes as much as is taken, and counts it. */
  async function endless() {
    const state = { sent: 0, open: 0 };
    const upstream = await close(
      httpServer((request, response) => {
        if (request.url !== '/endless') {
          response.end('fine');
          return;
        }
        response.writeHead(200, { 'content-length': 10 ** 12 });
        state.open += 1;
        response.on('close', () => (state.open -= 1));
        const chunk = Buffer.alloc(64 * 1024, 'x');
        const more = (): void => {
          while (!response.destroyed) {
            state.sent += chunk.length;
            if (!response.write(chunk)) return void response.once('drain', more);
          }
        };
        more();
      }),
    );
    return { upstream, state };
  }

  it('holds the upstream back instead of filling memory, and is cut off after limits.readIdle', async () => {
    const { upstream, state } = await endless();
    const proxy = await close(
      startCustomProxy({
        limits: { readIdle: '1500ms' },
        routes: [
          { prefix: '/api', upstream: upstream.url, account: 'fixed', maxConnections: 2, timeouts: { idle: '200ms' } },
        ],
      }),
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/endless HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/\r\n\r\nxxx/);
    line.socket.pause();
    let before = -1;
    await eventually('the upstream is held back', async () => {
      const still = state.sent === before;
      before = state.sent;
      await sleep(100);
      return still;
    });
    // What the sockets between hold, which is some megabytes; an unbounded proxy would have taken gigabytes by now.
    assert.ok(state.sent < 64 * 1024 ** 2, `${state.sent}`);
    assert.equal(state.open, 1, "the upstream's own idle timeout must not count against it");
    assert.equal((await call(proxy.url, '/api/a')).text, 'fine');
    await eventually('he is cut off', () => state.open === 0);
    line.socket.resume();
    await line.closed();
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
  });

  it('and goes on in time gets all of it', async () => {
    const body = Buffer.alloc(12 * 1024 ** 2, 'y');
    const upstream = await close(httpServer((_request, response) => response.end(body)));
    const proxy = await close(
      startCustomProxy({
        limits: { readIdle: '5s' },
        routes: [{ prefix: '/api', upstream: upstream.url, timeouts: { idle: '200ms' } }],
      }),
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/a HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    await line.until(/\r\n\r\nyyy/);
    line.socket.pause();
    await sleep(900);
    line.socket.resume();
    const text = await line.closed();
    assert.equal(text.length - text.indexOf('\r\n\r\n') - 4, body.length);
  });

  it('and goes on when the upstream has stopped meanwhile is cut off as usual, not left to wait for ever', async () => {
    const piece = Buffer.alloc(8 * 1024 ** 2, 'z');
    let silent: Socket | undefined;
    const upstream = await close(
      tcpServer((socket) => {
        socket.once('data', () => {
          silent = socket;
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${piece.length * 2}\r\n\r\n`);
          socket.write(piece);
        });
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, timeouts: { idle: '300ms' } }] }),
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/a HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/\r\n\r\nzzz/);
    line.socket.pause();
    await sleep(1_000);
    assert.equal(silent?.destroyed, false);
    line.socket.resume();
    await once(line.socket, 'close');
    const text = line.received();
    assert.ok(text.length < 2 * piece.length);
  });

  for (const [how, field] of [
    ['on the fast path', ''],
    ['by way of node:http', 'X-A: 1\r\nX-A: 1\r\n'],
  ] as const) {
    it(`is cut after readIdle also if it is one small answer after the other that he does not read, ${how}`, async () => {
      const upstream = await close(httpServer((_request, response) => void response.end('x'.repeat(30_000))));
      const proxy = await close(
        startCustomProxy({
          limits: { readIdle: '1s' },
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
        }),
      );
      const line = await dial(proxy.url);
      line.socket.pause();
      const inFlight = (): Promise<number> => metric(proxy.operatorUrl, 'tokenward_requests_in_flight');
      // Until the buffers on the way back are full.
      let stuck = false;
      for (let i = 0; i < 1_000 && !stuck; i += 1) {
        line.socket.write(`GET /api/small HTTP/1.1\r\nHost: proxy\r\n${field}\r\n`);
        await sleep(2);
        stuck = i % 20 === 19 && (await inFlight()) > 0;
      }
      assert.ok(stuck, 'nothing was ever stuck');
      await eventually('nothing is under way', async () => (await inFlight()) === 0, 5_000);
      line.socket.destroy();
    });
  }
});
