import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ResponseParser } from '../../../src/http/client/response-parser.ts';
import { readReply } from '../../hostile/strict-reply-reader.ts';

/** What came of a reply. `failed` covers both what is malformed and what is cut off: neither may look whole. */
type Outcome =
  'failed' | { readonly status: number; readonly reason: string; readonly fields: string[]; readonly body: string };

/** The proxy's reader, fed in these pieces, then told that the connection is closed. */
function ours(pieces: readonly Buffer[], method: string): Outcome {
  let head: { status: number; reason: string; headers: string[] } | undefined;
  let ended = false;
  const body: Buffer[] = [];
  const reader = new ResponseParser({
    onHead: (got) => (head = got),
    onBody: (piece) => body.push(piece),
    onEnd: () => (ended = true),
  });
  reader.expect(method);
  try {
    for (const piece of pieces) if (!ended) reader.feed(piece);
    if (!ended) reader.closed();
  } catch {
    // Bytes behind a whole reply are an error too, and no matter here.
  }
  return head === undefined || !ended
    ? 'failed'
    : { status: head.status, reason: head.reason, fields: head.headers, body: Buffer.concat(body).toString('latin1') };
}

/** The second reader, from the whole. */
function theirs(bytes: Buffer, method: string): Outcome {
  try {
    const reply = readReply(bytes, method, true);
    if (reply === undefined || reply.end === 'cut') return 'failed';
    return {
      status: reply.status,
      reason: reply.reason,
      fields: reply.fields.flatMap(([name, value]) => [name, value]),
      body: reply.body.toString('latin1'),
    };
  } catch {
    return 'failed';
  }
}

const version = fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1');
const status = fc.constantFrom(
  '200 OK',
  '200',
  '200 ',
  '404 Not Found',
  '204 No Content',
  '304 Not Modified',
  '101 Switching',
  '599 x',
  '600 x',
  '999 x',
  '099 x',
  '1000 x',
  '20 x',
  '200 gr\xfcn',
  '200 a\x01b',
  '500  two',
);
const framingField = fc.constantFrom(
  'Content-Length: 5',
  'content-length: 0',
  'Content-Length: 005',
  'Content-Length:5',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Content-Length: 0x5',
  'Content-Length: ',
  'Content-Length: \xa05',
  'Content-Length: 5\xa0',
  'Content-Length : 5',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'transfer-encoding: CHUNKED',
  'Transfer-Encoding:\tchunked ',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: \xa0chunked',
  'Transfer-Encoding: \x0bchunked',
  'Transfer-Encoding: ',
);
const otherField = fc.constantFrom(
  'X-A: 1',
  'X-B:',
  'Connection: close',
  'Connection: keep-alive',
  'Keep-Alive: timeout=5',
  'X-C: caf\xe9',
  'X-D: \xa0spaced\xa0',
  'X-E:  \t x \t ',
  'broken',
  ': x',
  ' folded',
  'X Y: 1',
  'X-F: a\x00',
  'X-G: a\x7f',
  'X-H: a\rb',
  'X-I: a\nb',
);
const body = fc.oneof(
  fc.constantFrom('hello', 'hello and more', 'hel', ''),
  fc
    .array(
      fc.constantFrom(
        '5\r\nhello\r\n',
        '5;x=y\r\nhello\r\n',
        '05\r\nhello\r\n',
        'A\r\n0123456789\r\n',
        '5 \r\nhello\r\n',
        '5\r\nhello',
        '5\nhello\r\n',
        'x\r\nhello\r\n',
        '-1\r\n',
        '\r\n',
        ' 5\r\nhello\r\n',
        '5\r\nhello!\r\n',
        '5;\x00\r\nhello\r\n',
      ),
      { maxLength: 3 },
    )
    .chain((chunks) =>
      fc
        .constantFrom(
          '0\r\n\r\n',
          '0\r\nX-T: 1\r\n\r\n',
          '0;x\r\n\r\n',
          '00\r\n\r\n',
          '0\r\n',
          '',
          '0\r\nbroken\r\n\r\n',
          '0\n\n',
          '0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
        )
        .map((last) => `${chunks.join('')}${last}`),
    ),
);
const interim = fc.constantFrom(
  '',
  '',
  '',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
  'HTTP/1.1 100 Continue\r\nbroken\r\n\r\n',
  'HTTP/1.1 101 Switching\r\n\r\n',
  '\r\n',
);
const lineEnd = fc.constantFrom('\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n');
const few = <T>(item: fc.Arbitrary<T>, most: number): fc.Arbitrary<T[]> => fc.array(item, { maxLength: most });
const reply = fc
  .tuple(interim, version, status, few(framingField, 2), few(otherField, 2), lineEnd, body)
  .map(
    ([before, protocol, line, framing, other, end, rest]) =>
      `${before}${protocol} ${line}${end}${[...other, ...framing].map((field) => `${field}\r\n`).join('')}\r\n${rest}`,
  );
/** Mostly right, so that the bodies behind it are reached. */
const goodHead = fc
  .tuple(
    interim.filter((text) => !/broken|101|^\r/.test(text)),
    fc.constantFrom('Content-Length: 5', 'Transfer-Encoding: chunked', 'X-A: 1'),
    body,
  )
  .map(([before, field, rest]) => `${before}HTTP/1.1 200 OK\r\n${field}\r\n\r\n${rest}`);
const method = fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST');

/** A buffer in pieces that end at these places. */
function split(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set([...places.map((place) => place % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end)).filter((piece) => piece.length > 0);
}

describe('the reader of replies, against a second reader', () => {
  it('comes to the same, however the bytes are cut into pieces', () => {
    fc.assert(
      fc.property(fc.oneof(reply, goodHead), method, fc.array(fc.nat(), { maxLength: 6 }), (text, asked, places) => {
        const bytes = Buffer.from(text, 'latin1');
        assert.deepEqual(ours(split(bytes, places), asked), theirs(bytes, asked));
      }),
      { numRuns: 10_000 },
    );
  });

  it('comes to the same byte by byte, and in two pieces wherever they are cut', () => {
    fc.assert(
      fc.property(fc.oneof(reply, goodHead), method, (text, asked) => {
        const bytes = Buffer.from(text, 'latin1');
        const expected = theirs(bytes, asked);
        assert.deepEqual(
          ours(
            Array.from(bytes, (byte) => Buffer.from([byte])),
            asked,
          ),
          expected,
        );
        for (let at = 1; at < bytes.length; at += 1)
          assert.deepEqual(ours([bytes.subarray(0, at), bytes.subarray(at)], asked), expected);
      }),
      { numRuns: 350 },
    );
  });

  it('survives any byte in any place', () => {
    fc.assert(
      fc.property(
        goodHead,
        method,
        fc.nat(),
        fc.nat(255),
        fc.array(fc.nat(), { maxLength: 4 }),
        (text, asked, place, byte, places) => {
          const bytes = Buffer.from(text, 'latin1');
          bytes[place % bytes.length] = byte;
          assert.deepEqual(ours(split(bytes, places), asked), theirs(bytes, asked));
        },
      ),
      { numRuns: 10_000 },
    );
  });
});
