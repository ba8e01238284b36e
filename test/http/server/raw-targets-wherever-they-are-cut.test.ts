import assert from 'node:assert/strict';
import { isInFirstLine } from '../../../src/http/server/raw-targets.ts';
import { cutsOf } from '../../support/cuts.ts';
import { EncodedConnection } from './encoded-connection.ts';

const HOST = 'Host: a\r\n';

/** What a client sends, in parts that never come in one read, and what the parser gets. Then the targets and bodies. */
const STREAMS: readonly (readonly [
  title: string,
  sent: readonly string[],
  passed: string,
  requests: readonly (readonly [target: string, body: string])[],
])[] = [
  ['no raw byte', [`GET /a?b HTTP/1.1\r\n${HOST}\r\n`], `GET /a?b HTTP/1.1\r\n${HOST}\r\n`, [['/a?b', '']]],
  [
    'raw bytes in a target, and in a field that keeps them',
    [`GET /\x80\xd0\x98?\xff HTTP/1.1\r\n${HOST}X-A: \xe9\r\n\r\n`],
    `GET /%80%D0%98?%FF HTTP/1.1\r\n${HOST}X-A: \xe9\r\n\r\n`,
    [['/%80%D0%98?%FF', '']],
  ],
  ['no field', ['GET /\xff HTTP/1.1\r\n\r\n'], 'GET /%FF HTTP/1.1\r\n\r\n', [['/%FF', '']]],
  [
    'empty lines before a request',
    [`\r\n\r\nGET /\xff HTTP/1.1\r\n${HOST}\r\n`],
    `\r\n\r\nGET /%FF HTTP/1.1\r\n${HOST}\r\n`,
    [['/%FF', '']],
  ],
  [
    'two requests',
    [`GET /\xff HTTP/1.1\r\n${HOST}X-A: \xe9\r\n\r\nGET /\xfe HTTP/1.1\r\n${HOST}\r\n`],
    `GET /%FF HTTP/1.1\r\n${HOST}X-A: \xe9\r\n\r\nGET /%FE HTTP/1.1\r\n${HOST}\r\n`,
    [
      ['/%FF', ''],
      ['/%FE', ''],
    ],
  ],
  [
    'empty lines between requests',
    [`GET /\xff HTTP/1.1\r\n\r\n\r\n\r\nGET /\xfe HTTP/1.1\r\n\r\n`],
    `GET /%FF HTTP/1.1\r\n\r\n\r\n\r\nGET /%FE HTTP/1.1\r\n\r\n`,
    [
      ['/%FF', ''],
      ['/%FE', ''],
    ],
  ],
  [
    'a body of known length, which is not changed, whatever it looks like',
    [
      `POST /\xff HTTP/1.1\r\n${HOST}Content-Length: 22\r\n\r\n\r\n\r\nGET /\xe9 HTTP/1.1\r\n\xffGET /\xfe HTTP/1.1\r\n\r\n`,
    ],
    `POST /%FF HTTP/1.1\r\n${HOST}Content-Length: 22\r\n\r\n\r\n\r\nGET /\xe9 HTTP/1.1\r\n\xffGET /%FE HTTP/1.1\r\n\r\n`,
    [
      ['/%FF', '\r\n\r\nGET /\xe9 HTTP/1.1\r\n\xff'],
      ['/%FE', ''],
    ],
  ],
  [
    'a body that ends with an empty line',
    [`POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nx\r\n\r\nGET /\xfe HTTP/1.1\r\n\r\n`],
    `POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nx\r\n\r\nGET /%FE HTTP/1.1\r\n\r\n`,
    [
      ['/', 'x\r\n\r\n'],
      ['/%FE', ''],
    ],
  ],
  [
    'a body of no bytes',
    [`POST /\xff HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /\xfe HTTP/1.1\r\n\r\n`],
    `POST /%FF HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET /%FE HTTP/1.1\r\n\r\n`,
    [
      ['/%FF', ''],
      ['/%FE', ''],
    ],
  ],
  [
    'a body in chunks, and behind it a read of its own',
    [
      `POST /\xff HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n\xe9\r\n\r\nGET \r\n0\r\n\r\n`,
      'GET /\xfe HTTP/1.1\r\n\r\n',
    ],
    `POST /%FF HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n\xe9\r\n\r\nGET \r\n0\r\n\r\nGET /%FE HTTP/1.1\r\n\r\n`,
    [
      ['/%FF', '\xe9\r\n\r\nGET '],
      ['/%FE', ''],
    ],
  ],
  [
    'two bodies in chunks',
    [
      `POST /\xff HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: \xe9\r\n\r\n`,
      'POST /\xfe HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'GET /\xfd HTTP/1.1\r\n\r\n',
    ],
    `POST /%FF HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: \xe9\r\n\r\nPOST /%FE HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /%FD HTTP/1.1\r\n\r\n`,
    [
      ['/%FF', ''],
      ['/%FE', ''],
      ['/%FD', ''],
    ],
  ],
];

/** The streams in pieces: each part whole, byte by byte and in two, the others whole. */
function* cutsOfParts(parts: readonly string[]): Generator<Buffer[]> {
  for (const [index, part] of parts.entries())
    for (const cut of cutsOf(part))
      yield parts.flatMap((other, i) => (i === index ? cut : [Buffer.from(other, 'latin1')]));
}

describe('raw bytes in targets that node:http reads', () => {
  for (const [title, sent, passed, requests] of STREAMS) {
    it(`${title}: the targets are encoded, and nothing else is touched, wherever it is cut`, async () => {
      for (const pieces of cutsOfParts(sent)) {
        const connection = new EncodedConnection();
        await connection.receiveAll(pieces);
        assert.equal(connection.passed, passed);
        assert.equal(connection.refusal, undefined);
        assert.deepEqual(
          connection.requests.map(({ target, body, complete }) => [target, body, complete]),
          requests.map(([target, body]) => [target, body, true]),
        );
        connection.socket.destroy();
      }
    });
  }

  for (const bad of [
    'G\xc9T / HTTP/1.1',
    'GET / HTTP/1.1\xff',
    'GET \xff/x HTTP/1.1',
    'GET /\xff\x01 HTTP/1.1',
    'GET /\xff x HTTP/1.1',
    '\xffGET / HTTP/1.1',
  ]) {
    it(`do not make a request of what is none: ${JSON.stringify(bad)}`, async () => {
      for (const cut of cutsOf(`${bad}\r\nHost: a\r\n\r\n`)) {
        const connection = new EncodedConnection();
        await connection.receiveAll(cut);
        assert.match(connection.refusal ?? 'read', /^HPE_/);
        assert.deepEqual(connection.requests, []);
        connection.socket.destroy();
      }
    });
  }

  it('are left as they are behind a refused header section, whatever came before it', async () => {
    for (const [before, responds] of [
      ['', true],
      ['GET /\xfe HTTP/1.1\r\n\r\n', true],
      ['GET /\xfe HTTP/1.1\r\n\r\n', false],
    ] as const) {
      const connection = new EncodedConnection(() => responds || 'unread');
      await connection.receive(before);
      await connection.receive('GET / HTTP/1.1\r\nHost : a\r\n\r\n');
      assert.match(connection.refusal!, /^HPE_/);
      const passed = connection.passed;
      await connection.receive('GET /\xff HTTP/1.1\r\n\r\nGET /\xff HTTP/1.1\r\n\r\n');
      assert.equal(connection.passed, `${passed}GET /\xff HTTP/1.1\r\n\r\nGET /\xff HTTP/1.1\r\n\r\n`);
      assert.equal(isInFirstLine(connection.asSocket), false);
      connection.socket.destroy();
    }
  });

  it('are left as they are in the fields of a request that begins in the read that ends a body in chunks', async () => {
    const connection = new EncodedConnection();
    await connection.receive('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n');
    await connection.receive('0\r\n\r\nGET /a HTTP/1.1\r\nX-A: ');
    await connection.receive('\xff\r\n\r\n');
    assert.deepEqual(
      connection.requests.map(({ target, fields }) => [target, fields.at(-1)]),
      [
        ['/', 'chunked'],
        ['/a', '\xff'],
      ],
    );
    connection.socket.destroy();
  });

  it('in the read that ends a body in chunks are left to the parser, which refuses them', async () => {
    const connection = new EncodedConnection();
    await connection.receive('POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n');
    await connection.receive('1\r\nx\r\n0\r\n\r\nGET /\xff HTTP/1.1\r\n\r\n');
    assert.deepEqual(
      connection.requests.map(({ target, body }) => [target, body]),
      [['/', 'x']],
    );
    assert.equal(connection.refusal, 'HPE_INVALID_URL');
  });
});

describe('a connection that node:http reads', () => {
  it('is in its first line from the first byte of the request to the end of that line', async () => {
    const parts = [
      ['\r\n', false],
      ['GET /\xff HTTP/1.1\r', true],
      ['\nHost: a\r\n\r\n', false],
      ['\r\n', false],
      ['POST / HTTP/1.1', true],
      ['\r\nContent-Length: 2\r\n\r\n', false],
      ['ok', false],
      ['P', true],
      ['OST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', false],
      ['1\r\nG\r\n', false],
      ['0\r\n\r\n', false],
      ['G', true],
    ] as const;
    const connection = new EncodedConnection();
    assert.equal(isInFirstLine(connection.asSocket), false);
    for (const [part, expected] of parts) {
      await connection.receive(part);
      assert.equal(isInFirstLine(connection.asSocket), expected, JSON.stringify(part));
    }
    connection.socket.destroy();
    assert.equal(isInFirstLine(new EncodedConnection().asSocket), false);
  });
});
