import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { call, metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { pieces } from '../../support/upload.ts';
import { dial, tcpServer } from '../../support/wire.ts';

const MIB = 1024 ** 2;
const REFUSAL = 'HTTP/1.1 413 Payload Too Large\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n';

describe('an upstream that refuses a 50 MiB upload early', () => {
  const close = closing();
  const ways: Readonly<Record<string, (socket: Socket) => void>> = {
    'and closes': (socket) => void socket.end(`${REFUSAL}Connection: close\r\n\r\ntoo large`),
    'and reads on': (socket) => void socket.write(`${REFUSAL}\r\ntoo large`),
    'and stops reading': (socket) => void socket.pause().write(`${REFUSAL}\r\ntoo large`),
  };

  for (const [way, refuse] of Object.entries(ways)) {
    for (const length of [50 * MIB, false] as const) {
      it(`${way}: the 413 reaches the caller (${length === false ? 'chunked' : 'with a length'}), who can go on`, async () => {
        let received = 0;
        const upstream = await close(
          tcpServer((socket) => {
            let refused = false;
            socket.on('data', (chunk: Buffer) => {
              if (chunk.toString('latin1', 0, 3) === 'GET')
                return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine');
              received += chunk.length;
              if (refused || received < 200_000) return undefined;
              refused = true;
              refuse(socket);
              return undefined;
            });
          }),
        );
        const proxy = await close(
          startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
        );
        const line = await dial(proxy.url);
        line.socket.write(
          `POST /api/upload HTTP/1.1\r\nHost: proxy\r\n${length === false ? 'Transfer-Encoding: chunked' : `Content-Length: ${length}`}\r\n\r\n`,
        );
        // A caller of the old school: he sends all of it before he looks at the answer, and then asks for more.
        for (const piece of pieces(50 * MIB)) {
          const room = line.socket.write(
            length === false
              ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
              : piece,
          );
          if (!room) await once(line.socket, 'drain');
        }
        if (length === false) line.socket.write('0\r\n\r\n');
        assert.match(await line.until(/\r\n\r\ntoo large$/), /^HTTP\/1\.1 413 /);
        line.socket.write('GET /api/after HTTP/1.1\r\nHost: proxy\r\n\r\n');
        await line.until(/fine$/);
        line.socket.destroy();
        assert.ok(received < 45 * MIB, 'most of it was not sent on');
        assert.equal((await call(proxy.url, '/api/a')).text, 'fine');
        await eventually(
          'nothing is left',
          async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0,
        );
      });
    }
  }
});
