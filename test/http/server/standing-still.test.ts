import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutboundResponse, InboundRequest } from '../../../src/http/server/exchange.ts';
import { drain, startDraining } from '../../../src/http/server/drain.ts';
import { createExpress } from '../../../src/http/server/express.ts';
import { createHttpServer } from '../../../src/http/server/server.ts';
import { eventually } from '../../support/eventually.ts';
import { dial } from '../../support/wire.ts';

const GET = 'GET /a HTTP/1.1\r\nHost: proxy\r\n\r\n';

describe('a connection on the fast path on which nothing happens', () => {
  let server: Server;
  let url: string;
  let asked: InboundRequest[];
  let refused: string[];

  async function listen(answer: (answer: OutboundResponse) => void = fine): Promise<void> {
    asked = [];
    refused = [];
    server = createHttpServer(createExpress(), {
      headerBytes: 16_384,
      onRefused: ({ code }) => refused.push(code),
      fastEngine: (request, response) => {
        asked.push(request);
        answer(response);
      },
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  function fine(answer: OutboundResponse): void {
    answer.writeHead(200, 'OK', ['content-length', '4']);
    answer.end('fine');
  }
  afterEach(() => {
    server.close();
    server.closeAllConnections();
  });

  it('is closed once it has been idle for as long as its callers were told', async () => {
    await listen();
    server.keepAliveTimeout = 2_000;
    const line = await dial(url);
    line.socket.write(GET);
    await line.until(/fine$/);
    await sleep(1_500);
    line.socket.write(GET);
    await line.until(/fine[^]*fine$/);
    const since = performance.now();
    await line.closed();
    const idle = performance.now() - since;
    assert.ok(idle > 1_500 && idle < 4_500, `${idle} ms`);
    assert.equal(asked.length, 2);
  });

  it('gets a 408 if it has never said anything, as from node:http', async () => {
    await listen();
    server.headersTimeout = 1_500;
    const line = await dial(url);
    const since = performance.now();
    assert.match(await line.closed(), /^HTTP\/1\.1 408 Request Timeout\r\n[^]*"request_malformed"/);
    assert.ok(performance.now() - since < 5_000);
    assert.deepEqual(refused, ['request_malformed']);
  });

  it('is not answered after its 408, and cut if it does not close its side', async () => {
    await listen();
    server.headersTimeout = 1_500;
    const line = await dial(url);
    line.socket.allowHalfOpen = true;
    await line.until(/"request_malformed"/);
    line.socket.write(GET);
    const open = (): Promise<number> =>
      new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
    await eventually('our side of it is closed', async () => (await open()) === 0);
    line.socket.destroy();
    assert.equal(asked.length, 0);
  });

  it('is not closed while it is being answered, however long that takes', async () => {
    await listen((answer) => void setTimeout(() => fine(answer), 3_500));
    server.keepAliveTimeout = 1_000;
    server.headersTimeout = 1_000;
    const line = await dial(url);
    line.socket.write(GET);
    await line.until(/fine$/);
    line.socket.destroy();
  });

  it('is closed at once when the server stops, one that is being answered after its answer, which says so', async () => {
    await listen((answer) => void setTimeout(() => fine(answer), 500));
    const idle = await dial(url);
    idle.socket.write(GET);
    await idle.until(/keep-alive[^]*fine$/);
    const busy = await dial(url);
    busy.socket.write(GET);
    await sleep(100);
    const since = performance.now();
    const drained = drain(server, 5_000);
    await idle.closed();
    assert.ok(performance.now() - since < 400);
    assert.match(await busy.closed(), /\r\nConnection: close\r\n[^]*fine$/);
    await drained;
    assert.ok(performance.now() - since < 2_000);
  });

  it('is given a moment when the server stops, if it was only just made: its request is on the way', async () => {
    await listen();
    const [early, silent] = [await dial(url), await dial(url)];
    const since = performance.now();
    const drained = drain(server, 8_000);
    await sleep(150);
    early.socket.write(GET);
    assert.match(await early.closed(), /\r\nConnection: close\r\n[^]*fine$/);
    assert.equal(await silent.closed(), '');
    await drained;
    assert.ok(performance.now() - since < 4_000);
  });

  it('is handed over in peace, if the server stops in that very moment', async () => {
    await listen();
    let drained: Promise<void> | undefined;
    // Runs right after the fast path has seen the bytes.
    server.on('connection', (socket: Socket) =>
      socket.once('data', () => {
        drained = drain(server, 3_000);
      }),
    );
    const line = await dial(url);
    line.socket.write('POST /a HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n');
    assert.match(await line.closed(), /^HTTP\/1\.1 404 /);
    await drained;
  });

  it('is cut when the time for stopping is over', async () => {
    await listen(() => undefined);
    const line = await dial(url);
    line.socket.write(GET);
    await sleep(50);
    const since = performance.now();
    await drain(server, 300);
    assert.ok(performance.now() - since < 2_000);
    assert.equal(await line.closed(), '');
  });

  it('stays open for a while when another process takes over, and its next answer sends it there', async () => {
    await listen();
    const line = await dial(url);
    line.socket.write(GET);
    await line.until(/fine$/);
    startDraining(server);
    const drained = drain(server, 10_000, { idleMs: 1_000 });
    await sleep(600);
    line.socket.write(GET);
    assert.match(await line.closed(), /Connection: keep-alive[^]*fine[^]*Connection: close[^]*fine$/);
    await drained;
  });

  it('tells who was to answer it that the caller has left', async () => {
    let left = 0;
    await listen((answer) =>
      answer.on('close', () => {
        assert.ok(!answer.writableFinished && answer.destroyed);
        left += 1;
      }),
    );
    for (const leave of ['destroy', 'resetAndDestroy'] as const) {
      const line = await dial(url);
      line.socket.write(GET);
      await sleep(50);
      line.socket[leave]();
    }
    // One that has closed its sending half only has not left: test/http/server/half-closed-clients-get-their-answer.
    await eventually('both are known to have left', () => left === 2);
    assert.equal(asked.length, 2);
  });

  it('does not call an answer finished of which the caller has not taken all when he leaves', async () => {
    const finished: boolean[] = [];
    await listen((answer) => {
      answer.on('close', () => finished.push(answer.writableFinished));
      answer.writeHead(200, 'OK', ['content-length', '8000000']);
      answer.end(Buffer.alloc(8_000_000, 'x'));
    });
    const line = await dial(url);
    line.socket.pause();
    line.socket.write(GET);
    await sleep(100);
    line.socket.resetAndDestroy();
    await sleep(100);
    assert.deepEqual(finished, [false]);
  });

  it('takes no other request after its last answer', async () => {
    await listen((answer) => {
      answer.writeHead(400, 'Bad Request', ['content-length', '0', 'connection', 'close']);
      answer.end();
    });
    const line = await dial(url);
    // As much as is read at once; what follows is read right after it.
    const head = 'POST /a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 65000\r\nX-Fill: ';
    line.socket.write(`${head}${'y'.repeat(65_536 - 65_000 - head.length - 4)}\r\n\r\n${'b'.repeat(65_000)}${GET}`);
    await line.closed();
    assert.equal(asked.length, 1);
  });

  it('keeps a caller who reads nothing waiting for his next answer, instead of piling them up', async () => {
    await listen((answer) => {
      answer.writeHead(200, 'OK', ['content-length', '8000000']);
      answer.end(Buffer.alloc(8_000_000, 'x'));
    });
    const line = await dial(url);
    line.socket.pause();
    for (let i = 0; i < 20; i += 1) {
      line.socket.write(GET);
      await sleep(10);
    }
    assert.equal(asked.length, 1);
    line.socket.destroy();
  });
});
