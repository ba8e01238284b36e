import assert from 'node:assert/strict';
import { ResponseParser } from '../../../src/http/client/response-parser.ts';
import { cutsOf } from '../../support/cuts.ts';
import { bodyOf, parse, parseText } from './parse-response.ts';

const LENGTH = 'Content-Length: 2\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Responses whose header section is refused, each with a word of the reason. */
const HEADS: readonly (readonly [title: string, text: string, reason: RegExp])[] = [
  ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n', /not an HTTP\/1|status line/],
  ['another protocol of the same length', 'ICY/1.1 200 OK\r\n\r\n', /not an HTTP\/1|status line/],
  ['an empty line first', `\r\nHTTP/1.1 200 OK\r\n${LENGTH}\r\nok`, /not an HTTP\/1|status line/],
  ['a byte before the version', ' HTTP/1.1 200 OK\r\n\r\n', /not an HTTP\/1|status line/],
  ['HTTP/2', 'HTTP/2.0 200 OK\r\n\r\n', /not an HTTP\/1|status line/],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n', /status line/],
  ['a version in small letters', 'http/1.1 200 OK\r\n\r\n', /not an HTTP\/1|status line/],
  ['a version of two digits', 'HTTP/1.11 200 OK\r\n\r\n', /status line/],
  ['no version', 'HTTP/1. 200 OK\r\n\r\n', /status line/],
  ['two spaces before the status', 'HTTP/1.1  200 OK\r\n\r\n', /status line/],
  ['a tab before the status', 'HTTP/1.1\t200 OK\r\n\r\n', /status line/],
  ['no status', 'HTTP/1.1\r\n\r\n', /status line/],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n', /status line/],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n', /status line/],
  ['a status that begins with 0', 'HTTP/1.1 099 OK\r\n\r\n', /status line/],
  ['a letter in the status', 'HTTP/1.1 2x0 OK\r\n\r\n', /status line/],
  ['a letter at the end of the status', 'HTTP/1.1 20x OK\r\n\r\n', /status line/],
  ['a tab behind the status', 'HTTP/1.1 200\tOK\r\n\r\n', /status line/],
  ['a status beyond 599', 'HTTP/1.1 600 Odd\r\n\r\n', /beyond 599/],
  ['a status far beyond 599', 'HTTP/1.1 999 Odd\r\n\r\n', /beyond 599/],
  ['NUL in the reason', 'HTTP/1.1 200 a\0b\r\n\r\n', /status line/],
  ['DEL in the reason', 'HTTP/1.1 200 a\x7fb\r\n\r\n', /status line/],
  ['CR in the reason', 'HTTP/1.1 200 a\rb\r\n\r\n', /status line/],
  ['a status line that ends in LF', `HTTP/1.1 200 OK\n${LENGTH}\r\nok`, /status line/],
  ['lines that end in LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', /CR LF/],
  ['a field that ends in LF', `HTTP/1.1 200 OK\r\nX-A: 1\n${LENGTH}\r\nok`, /CR LF/],
  ['a folded field', `HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\n${LENGTH}\r\nok`, /malformed header field/],
  ['a blank before a colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok', /malformed header field/],
  ['a field without a name', `HTTP/1.1 200 OK\r\n: x\r\n${LENGTH}\r\nok`, /malformed header field/],
  ['a field without a colon', `HTTP/1.1 200 OK\r\nbroken\r\n${LENGTH}\r\nok`, /malformed header field/],
  ['two lengths', `HTTP/1.1 200 OK\r\n${LENGTH}${LENGTH}\r\nok`, /more than one Content-Length/],
  [
    'two codings',
    `HTTP/1.1 200 OK\r\n${'Transfer-Encoding: chunked\r\n'.repeat(2)}\r\n0\r\n\r\n`,
    /more than one Transfer/,
  ],
  ['a length and a coding', `HTTP/1.1 200 OK\r\n${LENGTH}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, /both/],
  ['a coding and a length', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n${LENGTH}\r\n0\r\n\r\n`, /both/],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /HTTP\/1\.0/],
  ...[
    'gzip',
    'gzip, chunked',
    'chunked, chunked',
    'chunked;q=1',
    'xchunked',
    'chunkedx',
    'identity',
    '',
    '"chunked"',
  ].map(
    (coding) =>
      [
        `the coding "${coding}"`,
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}\r\n\r\n0\r\n\r\n`,
        /other than chunked/,
      ] as const,
  ),
  ...['', 'a', '2a', 'a2', '+2', '-2', '2, 2', '0x2', '2.0', '2 2', '1000000000000000'].map(
    (length) =>
      [
        `the length "${length}"`,
        `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nok`,
        /malformed Content-Length/,
      ] as const,
  ),
  ['a length that is malformed, for HEAD and 204', 'HTTP/1.1 204 OK\r\nContent-Length: a\r\n\r\n', /Content-Length/],
  ['an unrequested switch', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n', /switch/],
  ['an interim response with malformed framing', `HTTP/1.1 100 x\r\n${LENGTH}${LENGTH}\r\n`, /more than one/],
  ['an interim response with a broken field', 'HTTP/1.1 100 x\r\nbroken\r\n\r\n', /malformed header field/],
  ['nine interim responses', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9), /too many interim/],
];

/** Bodies in chunks that are refused; what of them is passed on before. */
const CHUNKS: readonly (readonly [title: string, text: string, body: string, reason: RegExp])[] = [
  ['no size', '\r\nhello\r\n0\r\n\r\n', '', /chunk size/],
  ['a size that is no number', 'x\r\nhello\r\n', '', /chunk size/],
  ['a size with a letter behind it', '5x\r\nhello\r\n', '', /chunk size/],
  ['a negative size', '-5\r\nhello\r\n', '', /chunk size/],
  ['a size with a prefix', '0x5\r\nhello\r\n', '', /chunk size/],
  ['a blank before a size', ' 5\r\nhello\r\n', '', /chunk size/],
  ['a size of thirteen digits', '0000000000005\r\nhello\r\n', '', /chunk size/],
  ['another byte than ; behind the size', '5 x\r\nhello\r\n', '', /chunk size/],
  ['a size that ends in LF', '5\nhello\r\n', '', /CR LF/],
  ['a size that is LF alone', '\nhello\r\n', '', /CR LF/],
  ['CR in an extension', '5;a\rb\r\nhello\r\n', '', /control byte/],
  ['NUL in an extension', '5;a\0b\r\nhello\r\n', '', /control byte/],
  ['BS in an extension', '5;a\bb\r\nhello\r\n', '', /control byte/],
  ['VT in an extension', '5;a\vb\r\nhello\r\n', '', /control byte/],
  ['FF in an extension', '5;a\fb\r\nhello\r\n', '', /control byte/],
  ['SO in an extension', '5;a\x0eb\r\nhello\r\n', '', /control byte/],
  ['US in an extension', '5;a\x1fb\r\nhello\r\n', '', /control byte/],
  ['DEL in an extension', '5;a\x7fb\r\nhello\r\n', '', /control byte/],
  ['no line end behind a chunk', '5\r\nhello0\r\n\r\n', 'hello', /longer than its size/],
  ['a longer chunk', '5\r\nhello!\r\n0\r\n\r\n', 'hello', /longer than its size/],
  ['a chunk that is one byte longer, and then ends in LF', '5\r\nhello!\n0\r\n\r\n', 'hello', /CR LF/],
  ['a chunk that ends in LF', '5\r\nhello\n0\r\n\r\n', 'hello', /CR LF/],
  ['a chunk that ends in CR CR LF', '5\r\nhello\r\r\n0\r\n\r\n', 'hello', /control byte|longer than its size/],
  ['a chunk with two line ends', '5\r\nhello\r\n\r\n0\r\n\r\n', 'hello', /chunk size/],
  ['a broken trailer', '5\r\nhello\r\n0\r\nbroken\r\n\r\n', 'hello', /malformed header field/],
  ['a folded trailer', '5\r\nhello\r\n0\r\nX-A: 1\r\n 2\r\n\r\n', 'hello', /malformed header field/],
  ['a trailer that ends in LF', '5\r\nhello\r\n0\r\nX-A: 1\n\r\n', 'hello', /CR LF/],
  ['a trailer section that ends in LF', '5\r\nhello\r\n0\r\nX-A: 1\r\n\n', 'hello', /CR LF/],
  ['NUL in a trailer', '5\r\nhello\r\n0\r\nX-A: \0\r\n\r\n', 'hello', /control byte/],
];

describe('a malformed response', () => {
  for (const [title, text, reason] of HEADS) {
    it(`${title}: it is refused before a client gets anything, wherever it is cut`, () => {
      assert.match(parseText(text).error ?? 'read', reason);
      for (const pieces of cutsOf(text)) {
        const { error, head, pieces: body, ends, parser } = parse(pieces, 'GET', true);
        assert.notEqual(error, undefined);
        assert.deepEqual([head, body, ends, parser.reusable], [undefined, [], 0, false]);
      }
    });
  }

  for (const [title, text, body, reason] of CHUNKS) {
    it(`${title}: it does not end, wherever it is cut`, () => {
      assert.match(parseText(`${CHUNKED}${text}`).error ?? 'read', reason);
      for (const pieces of cutsOf(text)) {
        const found = parse([Buffer.from(CHUNKED), ...pieces], 'GET', true);
        assert.notEqual(found.error, undefined);
        // What came before the fault is not lost: a client sees as much of the response as there was.
        assert.deepEqual([bodyOf(found), found.ends, found.parser.reusable], [body, 0, false]);
      }
    });
  }

  it('is refused at its first byte if it is another protocol, and not when it ends', () => {
    for (const text of ['S', '\r', 'HTTP/2', 'HTTX'])
      assert.match(parseText(text).error ?? 'awaited', /not an HTTP\/1 response/);
    for (const text of ['H', 'HTTP/1', 'HTTP/1.', 'HTTP/1.1 2']) assert.equal(parseText(text).error, undefined, text);
  });

  it('is refused at its first empty line that ends in LF', () => {
    assert.match(parseText('HTTP/1.1 200 OK\nX-A: 1\n\n').error ?? 'awaited', /CR LF/);
    assert.equal(parseText('HTTP/1.1 200 OK\nX-A: 1\n').error, undefined);
  });

  it('is refused for a HEAD as for a GET', () => {
    for (const [title, text] of HEADS) assert.notEqual(parseText(text, 'HEAD').error, undefined, title);
  });

  it('bytes behind the end of a response are refused, and the connection carries no other one', () => {
    for (const [head, method] of [
      ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 'GET'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'GET'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 'HEAD'],
      [`${CHUNKED}2\r\nok\r\n0\r\n\r\n`, 'GET'],
      ['HTTP/1.1 304 Same\r\n\r\n', 'GET'],
    ] as const) {
      const whole = parseText(head, method);
      assert.deepEqual([whole.error, whole.parser.reusable], [undefined, true]);
      for (const more of ['\r\n', 'x', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n']) {
        for (const pieces of [[`${head}${more}`], [head, more]]) {
          const {
            error,
            ends,
            head: got,
            parser,
          } = parse(
            pieces.map((piece) => Buffer.from(piece)),
            method,
          );
          assert.match(error ?? 'read', /bytes after the end/);
          assert.deepEqual([ends, parser.reusable], [1, false]);
          assert.ok(got!.status >= 200);
        }
      }
    }
  });

  it('bytes before the first request are refused, and nothing of them makes the connection reusable', () => {
    const fail = (): never => assert.fail('something was read');
    const parser = new ResponseParser({ onHead: fail, onBody: fail, onEnd: fail });
    assert.equal(parser.reusable, false);
    assert.throws(() => parser.feed(Buffer.from('HTTP/1.1 204 None\r\n\r\n')), { name: 'ResponseError' });
    assert.equal(parser.reusable, false);
  });
});
