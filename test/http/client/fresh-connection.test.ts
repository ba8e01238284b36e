import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { tcpServer } from '../../support/wire.ts';

describe('a route with freshConnection', () => {
  const close = closing();

  it('uses no connection twice, says so, and hears nothing that comes behind an answer', async () => {
    const connections: Socket[] = [];
    const heads: string[] = [];
    const upstream = await close(
      tcpServer((socket) => {
        connections.push(socket);
        socket.on('data', (bytes) => {
          heads.push(bytes.toString('latin1'));
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          // A second answer, timed to meet the next request.
          setTimeout(() => {
            if (!socket.destroyed) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
          }, 1);
        });
        socket.on('error', () => undefined);
      }),
    );
    const proxy = await close(
      startCustomProxy({
        routes: [
          { prefix: '/api', upstream: upstream.url, account: 'fixed', freshConnection: true, maxConnections: 2 },
        ],
      }),
    );
    for (let index = 0; index < 30; index += 1) {
      const answers = await Promise.all(
        [1, 2, 3].map(() => call(proxy.url, '/api/a', { method: index % 2 === 0 ? 'GET' : 'POST' })),
      );
      for (const { status, text } of answers) assert.deepEqual([status, text], [200, 'ok']);
    }
    assert.equal(connections.length, 90);
    assert.equal(heads.length, 90);
    for (const head of heads) assert.match(head, /^connection: close\r$/m);
  });
});
