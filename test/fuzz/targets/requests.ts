import assert from 'node:assert/strict';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createExpress } from '../../../src/http/server/express.ts';
import type { InboundRequest, OutboundResponse } from '../../../src/http/server/exchange.ts';
import { readFastHead } from '../../../src/http/server/fast/request.ts';
import { createHttpServer } from '../../../src/http/server/server.ts';
import { piecesOf, type Target } from '../target.ts';
import { COVERS } from './covers.ts';
import { MemorySocket, play } from './memory-socket.ts';
import { compare, referenceOf, type Reference, type ServedRequest } from './request-reference.ts';

const HEADER_BYTES = 16 * 1024;

/** What the servers below have carried out since the connection began. */
let served: ServedRequest[] = [];

/** Notes a request, and responds when its body has come. */
function serve(request: InboundRequest, response: OutboundResponse): void {
  const one: ServedRequest = {
    method: request.method ?? '',
    target: request.url ?? '',
    fields: [...request.rawHeaders],
    body: '',
    complete: false,
  };
  served.push(one);
  const respond = (): void => {
    one.complete = true;
    response.writeHead(200, 'OK', ['Content-Length', '2']);
    response.end('ok');
  };
  const { bodySource } = request;
  if (bodySource === 'none') respond();
  else if (Buffer.isBuffer(bodySource)) {
    one.body = bodySource.toString('latin1');
    respond();
  } else
    bodySource
      .on('data', (piece: Buffer) => (one.body += piece.toString('latin1')))
      .on('end', respond)
      .on('error', () => undefined);
}

/** One server with the fast engine in front, and one without it, as the two values of `listen.engine`. */
function serverWith(fast: boolean): Server {
  const app = createExpress();
  app.use((request: IncomingMessage, response: ServerResponse) =>
    serve(request as unknown as InboundRequest, response as unknown as OutboundResponse),
  );
  return createHttpServer(app, { headerBytes: HEADER_BYTES, ...(fast && { fastEngine: serve }) });
}

const servers = { fast: serverWith(true), express: serverWith(false) };

/** The fast engine's reader alone: what it takes, it reads as node's parser does. */
function checkHead(bytes: Buffer, { messages }: Reference): void {
  const head = readFastHead(bytes, HEADER_BYTES);
  if (head === undefined) return;
  const there = messages[0];
  assert.ok(there !== undefined, 'a head where node sees none');
  assert.deepEqual(
    { method: head.method, target: head.url, fields: head.fields.raw, keepsAlive: !head.fields.closeAfter },
    { method: there.method, target: there.target, fields: there.fields, keepsAlive: there.keepsAlive },
    'another head than node reads',
  );
  const body = bytes.toString('latin1', head.bodyAt, head.bodyAt + head.fields.bodyLength);
  if (there.complete) assert.equal(body, there.body, 'another body than node reads');
  // The fields of one request are compared with the next one's, byte by byte.
  const again = readFastHead(bytes, HEADER_BYTES, head.fields);
  assert.deepEqual(
    [again?.method, again?.url, again?.bodyAt, again?.fields.raw],
    [head.method, head.url, head.bodyAt, head.fields.raw],
    'another head beside the one before',
  );
}

/** The final responses on a connection: those to the requests, in their order, and at most one refusal behind them. */
function checkResponses(sent: string): void {
  const statuses = [...sent.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
  const final = statuses.filter((status) => status >= 200);
  const good = served.filter(({ complete }) => complete).length;
  assert.ok(
    final.slice(0, good).every((status) => status === 200),
    'a refusal before the response to a good request',
  );
  assert.ok(final.length <= good + 1, 'more responses than requests');
  assert.ok(final.length >= good, 'fewer responses than requests');
  assert.ok(final[good] === undefined || final[good] >= 400, 'a response to no request');
}

export const requests: Target = {
  name: 'requests',
  covers: COVERS['requests']!,
  maxBytes: 4_096,
  words: [
    'GET /a HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    'Connection: keep-alive\r\n',
    'Expect: 100-continue\r\n',
    'Upgrade: h2c\r\n',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    ' HTTP/1.1\r\n',
    ' HTTP/1.0\r\n',
    '\r\n\r\n',
    '\r\n',
  ],
  async run(bytes) {
    const reference = referenceOf(bytes);
    if (reference === undefined) return;
    checkHead(bytes, reference);
    const pieces = piecesOf(bytes);
    for (const [engine, server] of Object.entries(servers)) {
      served = [];
      const socket = new MemorySocket();
      server.emit('connection', socket.asSocket);
      await play(socket, pieces, () => served.length + served.reduce((sum, { body }) => sum + body.length, 0));
      try {
        compare(served, reference, bytes);
        checkResponses(socket.sent);
      } catch (error) {
        if (error instanceof Error) error.message = `${engine}: ${error.message}`;
        throw error;
      }
    }
  },
};
