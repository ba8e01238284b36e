import assert from 'node:assert/strict';
import { cutsOf } from '../../support/cuts.ts';
import { bodyOf, parse } from './parse-response.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** A response, what is read from it, and the method of its request if it matters. */
const RESPONSES: readonly (readonly [
  title: string,
  text: string,
  found: { status: number; reason?: string; headers?: string[]; body?: string },
  method?: string,
])[] = [
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', { status: 200, body: 'hello' }],
  ['a length in other case', 'HTTP/1.1 200 OK\r\nCONTENT-length:5\r\n\r\nhello', { status: 200, body: 'hello' }],
  [
    'a length with zeros before it',
    'HTTP/1.1 200 OK\r\nContent-Length: 005\r\n\r\nhello',
    { status: 200, body: 'hello' },
  ],
  [
    'a length of two digits',
    'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, hello',
    { status: 200, body: 'hello, hello' },
  ],
  ['no body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', { status: 200 }],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello', { status: 200, body: 'hello' }],
  ['the lowest status', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', { status: 200 }],
  ['the highest status', 'HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n', { status: 599, reason: 'Odd' }],
  ['no reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', { status: 200, reason: '' }],
  ['no space before the missing reason', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { status: 200, reason: '' }],
  [
    'a reason of several words',
    'HTTP/1.1 404 Not  Found \r\nContent-Length: 0\r\n\r\n',
    { status: 404, reason: 'Not  Found ' },
  ],
  [
    'any byte in the reason',
    'HTTP/1.1 200 \t ~\x80\xff\r\nContent-Length: 0\r\n\r\n',
    { status: 200, reason: '\t ~\x80\xff' },
  ],
  ['one chunk', `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`, { status: 200, body: 'hello' }],
  [
    'chunks',
    `${CHUNKED}5\r\nhello\r\n2\r\n, \r\nA\r\n0123456789\r\n0\r\n\r\n`,
    { status: 200, body: 'hello, 0123456789' },
  ],
  ['a chunk that holds line ends', `${CHUNKED}6\r\n\r\n0\r\n\n\r\n0\r\n\r\n`, { status: 200, body: '\r\n0\r\n\n' }],
  [
    'a size in hexadecimal digits',
    `${CHUNKED}1f\r\n${'x'.repeat(31)}\r\n0\r\n\r\n`,
    { status: 200, body: 'x'.repeat(31) },
  ],
  [
    'a size of twelve digits',
    `${CHUNKED}000000000005\r\nhello\r\n000000000000\r\n\r\n`,
    { status: 200, body: 'hello' },
  ],
  ['blanks behind a size', `${CHUNKED}5 \t\r\nhello\r\n0 \r\n\r\n`, { status: 200, body: 'hello' }],
  [
    'chunk extensions',
    `${CHUNKED}5 ;a=b\r\nhello\r\n5;\t ~\x80\xff\r\nworld\r\n0;\r\n\r\n`,
    { status: 200, body: 'helloworld' },
  ],
  ['a trailer section', `${CHUNKED}5\r\nhello\r\n0\r\nX-Sum: \xe9\r\nX-Empty:\r\n\r\n`, { status: 200, body: 'hello' }],
  ['chunks without data', `${CHUNKED}0\r\n\r\n`, { status: 200, body: '' }],
  [
    'a coding in other case',
    'HTTP/1.1 200 OK\r\ntransfer-ENCODING:\tCHUNKed \r\n\r\n1\r\nx\r\n0\r\n\r\n',
    { status: 200, body: 'x' },
  ],
  [
    'an interim response before it',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok',
    { status: 201, reason: 'Created', body: 'ok' },
  ],
  [
    'eight interim responses',
    `${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 4\r\n\r\n'.repeat(8)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
    { status: 200, body: 'ok' },
  ],
  [
    'a coding in an interim response',
    'HTTP/1.1 199 x\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    { status: 200, body: 'ok' },
  ],
  ['HEAD, with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', { status: 200 }, 'HEAD'],
  ['HEAD, with chunks', CHUNKED, { status: 200 }, 'HEAD'],
  ['HEAD, with neither', 'HTTP/1.1 200 OK\r\n\r\n', { status: 200, headers: [] }, 'HEAD'],
  ['204, with a length', 'HTTP/1.1 204 None\r\nContent-Length: 5\r\n\r\n', { status: 204, reason: 'None' }],
  ['204, with chunks', 'HTTP/1.1 204 None\r\nTransfer-Encoding: chunked\r\n\r\n', { status: 204, reason: 'None' }],
  ['304, with a length', 'HTTP/1.1 304 Same\r\nContent-Length: 5\r\n\r\n', { status: 304, reason: 'Same' }],
  [
    'fields in their order and spelling',
    'HTTP/1.1 200 OK\r\nX-b: 1\r\nx-A:  two words \t\r\nContent-Length: 0\r\nX-b: 2\r\n\r\n',
    { status: 200, headers: ['X-b', '1', 'x-A', 'two words', 'Content-Length', '0', 'X-b', '2'] },
  ],
  [
    'fields whose names are as long as those of the framing',
    'HTTP/1.1 200 OK\r\nX-Request-Uuid: 7\r\nX-Transfer-Shapes: 9\r\nContent-Length: 5\r\nX-Request-Uuid: 8\r\n\r\nhello',
    { status: 200, body: 'hello' },
  ],
];

describe('what a response says', () => {
  for (const [title, text, expected, method] of RESPONSES) {
    it(`${title}: it is read so, wherever it is cut`, () => {
      for (const pieces of cutsOf(text)) {
        const found = parse(pieces, method);
        assert.deepEqual(
          { error: found.error, status: found.head?.status, body: bodyOf(found), ends: found.ends },
          { error: undefined, status: expected.status, body: expected.body ?? '', ends: 1 },
        );
        assert.equal(found.head!.reason, expected.reason ?? 'OK');
        if (expected.headers !== undefined) assert.deepEqual(found.head!.headers, expected.headers);
        assert.equal(found.parser.reusable, !text.startsWith('HTTP/1.0'));
        assert.match(found.order.join(' '), /^head (body )*end$/);
        // The connection may close now: nothing is missing, and nothing ends twice.
        assert.equal(found.parser.closed(), false);
      }
    });
  }

  it('no framing: the connection is its end', () => {
    const text = 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nhello\r\n\r\nand more';
    for (const pieces of cutsOf(text)) {
      const found = parse(pieces);
      assert.deepEqual([found.error, bodyOf(found), found.ends], [undefined, 'hello\r\n\r\nand more', 0]);
      assert.equal(found.parser.reusable, false);
      assert.equal(found.parser.closed(), true);
      assert.equal(found.parser.closed(), false);
      const closed = parse(pieces, 'GET', true);
      assert.deepEqual([closed.error, bodyOf(closed), closed.ends], [undefined, 'hello\r\n\r\nand more', 1]);
      assert.equal(closed.parser.reusable, false);
    }
  });

  it('half of it: it has not ended, and the close does not end it', () => {
    for (const [, text, , method] of RESPONSES) {
      const bytes = Buffer.from(text, 'latin1');
      for (let at = 0; at < bytes.length; at += 1) {
        const { parser, ends, error } = parse([bytes.subarray(0, at)], method);
        assert.deepEqual(
          [parser.closed(), parser.reusable, ends, error],
          [false, false, 0, undefined],
          text.slice(0, at),
        );
      }
    }
  });

  it('it is in its header section until that ends', () => {
    const head = 'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n';
    for (let at = 0; at <= head.length; at += 1)
      assert.equal(parse([Buffer.from(head.slice(0, at))]).parser.inHead, at < head.length);
  });
});
