import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import fc from 'fast-check';
import { encodeRawTargets, encodeRawBytes } from '../../../src/http/server/raw-targets.ts';

interface Message {
  readonly empty: string;
  readonly method: string;
  readonly target: string;
  readonly name: string;
  readonly body: string;
  readonly chunked: boolean;
}

const letters = (max: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom('a', 'b', '/', '\x80', '\xd0\x98', '\xff'), { maxLength: max }).map((all) => all.join(''));
const message: fc.Arbitrary<Message> = fc
  .record({
    empty: fc.constantFrom('', '', '\r\n', '\r\n\r\n'),
    method: fc.constantFrom('GET', 'POST'),
    target: letters(5).map((rest) => `/${rest}`),
    name: letters(3),
    body: fc
      .array(fc.constantFrom('x', '\r\n', '\r\n\r\n', '\xe9', 'GET /\xff HTTP/1.1\r\n'), { maxLength: 4 })
      .map((all) => all.join('')),
    chunked: fc.boolean(),
  })
  .map((one) => (one.method === 'GET' ? { ...one, body: '', chunked: false } : one));

/** A request's bytes. */
function written({ empty, method, target, name, body, chunked }: Message): string {
  const head = `${empty}${method} ${target} HTTP/1.1\r\nHost: proxy\r\nX-Name: ${name}\r\n`;
  if (method === 'GET') return `${head}\r\n`;
  if (!chunked) return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`}0\r\n\r\n`;
}

/**
 * All of it in pieces: cut at `cuts`, and behind each chunked body, where the next request could not be told from it.
 */
function pieces(messages: readonly Message[], cuts: readonly number[]): Buffer[] {
  const text = messages.map(written).join('');
  const must: number[] = [];
  for (let i = 0, at = 0; i < messages.length; i += 1) {
    at += written(messages[i]!).length;
    if (messages[i]!.chunked) must.push(at);
  }
  const all = [...new Set([0, ...must, ...cuts.map((cut) => cut % text.length), text.length])].sort((a, b) => a - b);
  return all.slice(1).map((end, i) => Buffer.from(text.slice(all[i], end), 'latin1'));
}

describe('raw bytes in targets, on a connection that node:http reads', () => {
  let server: Server;
  let seen: Message[];
  let send: (socket: Socket) => void;
  before(async () => {
    server = createServer({ requireHostHeader: false }, (request, response) => {
      const at = seen.length;
      seen.push({
        empty: '',
        method: request.method!,
        target: request.url!,
        name: request.headers['x-name'] as string,
        body: '',
        chunked: request.headers['transfer-encoding'] !== undefined,
      });
      request
        .setEncoding('latin1')
        .on('data', (piece: string) => (seen[at] = { ...seen[at]!, body: seen[at]!.body + piece }))
        .on('end', () => response.end());
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      seen.push({ empty: '', method: error.code!, target: '', name: '', body: '', chunked: false });
      socket.destroy();
    });
    server.on('connection', (socket: Socket) => {
      encodeRawTargets(socket);
      send(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => server.close().closeAllConnections());

  /** What node:http makes of these pieces. */
  async function read(all: readonly Buffer[], answers: number): Promise<readonly Message[]> {
    seen = [];
    send = (socket) => {
      for (const piece of all) socket.emit('data', piece);
    };
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    let text = '';
    for await (const piece of socket.setEncoding('latin1')) {
      text += piece as string;
      if ((text.match(/HTTP\/1\.1 /g)?.length ?? 0) >= answers) break;
    }
    return seen;
  }

  it('are encoded, and nothing else is touched, however the bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        async (messages, cuts) => {
          assert.deepEqual(
            await read(pieces(messages, cuts), messages.length),
            messages.map((one) => ({ ...one, empty: '', target: encodeRawBytes(one.target) })),
          );
        },
      ),
      { numRuns: 600 },
    );
  }).timeout(60_000);

  it('leave the rest to the parser: what is no request with raw bytes is none without', async () => {
    for (const bad of [
      'G\xc9T / HTTP/1.1',
      'GET / HTTP/1.1\xff',
      'GET \xff/x HTTP/1.1',
      'GET /\xff\x01 HTTP/1.1',
      'GET /\xff x HTTP/1.1',
      '\xffGET / HTTP/1.1',
    ]) {
      const got = await read([Buffer.from(`${bad}\r\nHost: proxy\r\n\r\n`, 'latin1')], 1);
      assert.match(got[0]!.method, /^HPE_/, JSON.stringify(bad));
      assert.equal(got.length, 1);
    }
  });
});
