import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import fc from 'fast-check';
import { readFastHead } from '../../../src/http/server/fast/request.ts';
import { encodeRawBytes } from '../../../src/http/server/raw-targets.ts';

const HEAD_MOST = 64 * 1024;

/** What common clients send, as captured from them; each with whether the fast path may take it. */
const CLIENTS: readonly (readonly [string, boolean, string])[] = [
  ['curl', true, 'GET /api/a?b=c HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n'],
  [
    'Python requests',
    true,
    'POST /api/a HTTP/1.1\r\nHost: proxy:8080\r\nUser-Agent: python-requests/2.31.0\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}',
  ],
  [
    'Java HttpURLConnection',
    true,
    'GET /api/a HTTP/1.1\r\nUser-Agent: Java/1.8.0_392\r\nHost: proxy:8080\r\nAccept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\nConnection: keep-alive\r\n\r\n',
  ],
  ['PHP streams', true, 'GET /api/a HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n'],
  [
    'Node fetch',
    true,
    'GET /api/a HTTP/1.1\r\nhost: proxy:8080\r\nconnection: keep-alive\r\naccept: */*\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\n\r\n',
  ],
  ['.NET HttpClient', true, 'GET /api/a HTTP/1.1\r\nHost: proxy:8080\r\nrequest-id: |abc.1.\r\n\r\n'],
  [
    'Go',
    true,
    'GET /api/a HTTP/1.1\r\nHost: proxy:8080\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n',
  ],
  ['PHP with letters as they are', true, 'GET /api/\xd0\x98?q=\xc8 HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  ['an empty field', true, 'GET /api/a HTTP/1.1\r\nHost: proxy:8080\r\nX-Empty:\r\n\r\n'],
  [
    'Java HttpClient, which offers h2c',
    false,
    'GET /api/a HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nHost: proxy:8080\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\nUser-Agent: Java-http-client/17\r\n\r\n',
  ],
  [
    'ab, in HTTP/1.0',
    false,
    'GET /api/a HTTP/1.0\r\nHost: proxy:8080\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n',
  ],
  [
    'curl with a large body',
    false,
    'POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n',
  ],
  ['a chunked body', false, 'POST /api/a HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['the same field twice', false, 'GET /api/a HTTP/1.1\r\nHost: proxy\r\nX-A: 1\r\nx-a: 2\r\n\r\n'],
  ['a proxy in absolute form', false, 'GET http://proxy/api/a HTTP/1.1\r\nHost: proxy\r\n\r\n'],
  [
    'a tab behind the length, which Node refuses',
    false,
    'POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 2\t\r\n\r\n{}',
  ],
  ['a head that is not all here', false, 'GET /api/a HTTP/1.1\r\nHost: proxy\r\n'],
];

/** One field line as somebody might write it, well or ill; the line ends too. */
const fieldLine = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.constantFrom('Accept', 'X-A', 'x-a', 'Cookie', 'User-Agent', 'X-Tokenward-Key', 'x_b', 'Keep-Alive'),
      fc.constantFrom(': ', ':', ':\t', ':  '),
      fc.constantFrom('a', '', 'text/html, */*;q=0.8', 'ü', 'a ', 'a\tb'),
      fc.constant('\r\n'),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constantFrom('Connection', 'Proxy-Connection', 'connection'),
      fc.constant(': '),
      fc.constantFrom(
        'close',
        'keep-alive',
        'Keep-Alive',
        'Close',
        'keep-alive, x-a',
        'x-a, close',
        'upgrade',
        '',
        'close ',
      ),
      fc.constant('\r\n'),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constantFrom('Content-Length', 'content-length', 'content_length'),
      fc.constant(': '),
      fc.constantFrom('0', '4', '5', '04', '+4', '-1', '4, 4', '0x4', '', '4 ', '4\t', '99999999'),
      fc.constant('\r\n'),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom('Transfer-Encoding', 'Expect', 'Upgrade', 'Host', 'Trailer', 'TE'),
      fc.constant(': '),
      fc.constantFrom('chunked', 'gzip', 'identity', '100-continue', 'proxy', 'h2c', ''),
      fc.constant('\r\n'),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.constantFrom('X-B', ' X-B', 'X-B ', '', 'X B', 'X\0B', '"x"'),
      fc.constantFrom(': ', ' : ', ''),
      fc.constantFrom('b', 'b\x01', 'b\x7f', '\r\n folded', 'a\rb'),
      fc.constantFrom('\r\n', '\n', '\r', '\r\r\n'),
    ),
  },
);
const requestLine = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      'GET /api/a HTTP/1.1\r\n',
      'POST /api/a?b=%20 HTTP/1.1\r\n',
      'HEAD / HTTP/1.1\r\n',
      'DELETE /a HTTP/1.1\r\n',
      'OPTIONS /a HTTP/1.1\r\n',
      'PATCH /a HTTP/1.1\r\n',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'GET /ü HTTP/1.1\r\n',
      'GET  / HTTP/1.1\r\n',
      'get / HTTP/1.1\r\n',
      'GET / HTTP/1.0\r\n',
      'GET / HTTP/1.2\r\n',
      'GET /\tHTTP/1.1\r\n',
      'OPTIONS * HTTP/1.1\r\n',
      'CONNECT a:1 HTTP/1.1\r\n',
      'GET / HTTP/1.1\n',
      '\r\nGET / HTTP/1.1\r\n',
      'PURGE / HTTP/1.1\r\n',
      'GET / HTTP/1.1 \r\n',
      'GET /a b HTTP/1.1\r\n',
    ),
  },
);
const rest = fc.constantFrom('', 'body', 'body1', 'b', 'GET / HTTP/1.1\r\nHost: b\r\n\r\n', '\r\n');
const message = fc
  .tuple(requestLine, fc.boolean(), fc.array(fieldLine, { maxLength: 5 }), rest)
  .map(([line, host, fields, body]) =>
    Buffer.from(`${line}${host ? 'Host: proxy\r\n' : ''}${fields.flat().join('')}\r\n${body}`, 'latin1'),
  );

/** What node:http makes of some bytes: its first request, or that it refuses them or waits for more. */
class Reference {
  readonly #server: Server;
  #told: (request: IncomingMessage | undefined) => void = () => undefined;

  constructor() {
    this.#server = createServer({ requireHostHeader: false }, (request, response) => {
      this.#told(request);
      response.end();
    });
    this.#server.on('clientError', (_error, socket) => {
      this.#told(undefined);
      socket.destroy();
    });
    for (const event of ['checkContinue', 'checkExpectation'] as const)
      this.#server.on(event, (request: IncomingMessage) => this.#told(request));
    this.#server.on('upgrade', (request: IncomingMessage, socket) => {
      this.#told(request);
      socket.destroy();
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async read(bytes: Buffer): Promise<{ request: IncomingMessage; keepsAlive: boolean } | undefined> {
    const socket = connect((this.#server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => undefined);
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    const request = await new Promise<IncomingMessage | undefined>((resolve) => {
      this.#told = resolve;
      socket.end(bytes);
      socket.on('close', () => resolve(undefined));
    });
    if (!socket.closed) await once(socket, 'close').catch(() => undefined);
    return request && { request, keepsAlive: !/^connection: close/im.test(answer) };
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

describe('the plain head of a request', () => {
  let reference: Reference;
  before(async () => {
    reference = new Reference();
    await reference.listen();
  });
  after(() => reference.close());

  for (const [client, plain, text] of CLIENTS) {
    it(`${client}: ${plain ? 'plain' : 'left to node:http'}`, () => {
      assert.equal(readFastHead(Buffer.from(text, 'latin1'), HEAD_MOST) !== undefined, plain);
    });
  }

  it('is read as node:http reads it, whatever is sent: same method, target, fields and length, or not at all', async function () {
    this.timeout(120_000);
    let plain = 0;
    await fc.assert(
      fc.asyncProperty(message, async (bytes) => {
        const head = readFastHead(bytes, HEAD_MOST);
        if (head === undefined) return;
        plain += 1;
        // Raw bytes of a target, which it would refuse, stand encoded in front of it in the proxy too.
        const lineEnd = bytes.indexOf('\r\n');
        const line = encodeRawBytes(bytes.toString('latin1', 0, lineEnd));
        const encoded = Buffer.from(line + bytes.toString('latin1', lineEnd), 'latin1');
        const read = await reference.read(encoded);
        assert.ok(read !== undefined, 'node:http refuses it');
        const { request, keepsAlive } = read;
        assert.deepEqual(
          { method: head.method, url: head.url, raw: head.fields.raw, version: '1.1' },
          { method: request.method, url: request.url, raw: request.rawHeaders, version: request.httpVersion },
        );
        assert.equal(head.fields.bodyLength, Number(request.headers['content-length'] ?? 0));
        assert.equal(request.headers['transfer-encoding'], undefined);
        assert.equal(head.fields.closeAfter, !keepsAlive);
        assert.equal(bytes.toString('latin1', head.bodyAt - 4, head.bodyAt), '\r\n\r\n');
      }),
      { numRuns: 6_000 },
    );
    assert.ok(plain > 500, `only ${plain} were plain`);
  });

  it('is read alike, whatever was read before on its connection', () => {
    const told = (head: ReturnType<typeof readFastHead>): unknown =>
      head && [head.method, head.url, head.bodyAt, head.fields.raw, head.fields.closeAfter, head.fields.bodyLength];
    let kept = 0;
    fc.assert(
      fc.property(message, message, (first, second) => {
        const before = readFastHead(first, HEAD_MOST)?.fields;
        const head = readFastHead(second, HEAD_MOST, before);
        if (before !== undefined && head?.fields === before) kept += 1;
        assert.deepEqual(told(head), told(readFastHead(second, HEAD_MOST)));
      }),
      { numRuns: 20_000 },
    );
    assert.ok(kept > 20, `only ${kept} were kept`);
  });

  it('is never taken from what does not end, however it goes on', () => {
    fc.assert(
      fc.property(message, fc.nat(), (bytes, cut) => {
        const end = bytes.indexOf('\r\n\r\n') + 4;
        const head = bytes.subarray(0, cut % Math.max(1, end));
        assert.equal(readFastHead(head, HEAD_MOST), undefined);
      }),
      { numRuns: 5_000 },
    );
  });

  it('is not taken from more bytes than a head may have: node:http says how many that are', () => {
    const long = (bytes: number): Buffer =>
      Buffer.from(`GET /a HTTP/1.1\r\nHost: proxy\r\nX-Long: ${'a'.repeat(bytes)}\r\n\r\n`);
    assert.notEqual(readFastHead(long(1_000), 16_384), undefined);
    assert.equal(readFastHead(long(9_000), 16_384), undefined);
  });
});
