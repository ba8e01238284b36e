import assert from 'node:assert/strict';
import { readFastHead, type FastHead } from '../../../src/http/server/fast/request.ts';

const MAX_HEAD_BYTES = 16 * 1024;

function read(text: string, maxHeadBytes = MAX_HEAD_BYTES): FastHead | undefined {
  return readFastHead(Buffer.from(text, 'latin1'), maxHeadBytes);
}

const HOST = 'Host: a\r\n';

/** Heads that are read, and what is found in them. */
const READ: readonly (readonly [
  text: string,
  found: { method?: string; url?: string; raw?: string[]; closeAfter?: boolean; bodyLength?: number },
])[] = [
  ['GET / HTTP/1.1\r\n\r\n', { raw: [] }],
  [`GET / HTTP/1.1\r\n${HOST}\r\n`, { raw: ['Host', 'a'] }],
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].map(
    (method) => [`${method} /a HTTP/1.1\r\n${HOST}\r\n`, { method, url: '/a' }] as const,
  ),
  [`GET /a/b?c=d&e=%20 HTTP/1.1\r\n${HOST}\r\n`, { url: '/a/b?c=d&e=%20' }],
  [`GET /!"#$%~ HTTP/1.1\r\n${HOST}\r\n`, { url: '/!"#$%~' }],
  [`GET //a HTTP/1.1\r\n${HOST}\r\n`, { url: '//a' }],
  [`GET /\xd0\x98?\xff\x80 HTTP/1.1\r\n${HOST}\r\n`, { url: '/%D0%98?%FF%80' }],
  [
    `GET / HTTP/1.1\r\n${HOST}X-A:\t two words \t\r\nx-b:\r\n\r\n`,
    { raw: ['Host', 'a', 'X-A', 'two words', 'x-b', ''] },
  ],
  [`GET / HTTP/1.1\r\n${HOST}X-A: a\tb\xff\r\n\r\n`, { raw: ['Host', 'a', 'X-A', 'a\tb\xff'] }],
  [`GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, { closeAfter: true }],
  [`GET / HTTP/1.1\r\n${HOST}connection: CLOSE\r\n\r\n`, { closeAfter: true }],
  [`GET / HTTP/1.1\r\n${HOST}Connection: keep-alive\r\n\r\n`, { closeAfter: false }],
  [`GET / HTTP/1.1\r\n${HOST}CONNECTION: Keep-Alive\r\n\r\n`, { closeAfter: false }],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`, { method: 'POST', bodyLength: 0 }],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`, { method: 'POST', bodyLength: 5 }],
  [`POST / HTTP/1.1\r\n${HOST}content-length:0000012\r\n\r\n`, { method: 'POST', bodyLength: 12 }],
  [`POST / HTTP/1.1\r\n${HOST}Content-Length: 9999999\r\n\r\n`, { method: 'POST', bodyLength: 9_999_999 }],
  // Names as long as those that are looked at.
  [`GET / HTTP/1.1\r\n${HOST}Accept: */*\r\nReferer: x\r\nUser-Agent: x\r\nAccept-Charset: x\r\n\r\n`, {}],
  [`GET / HTTP/1.1\r\n${HOST}Accept-Encoding1: x\r\nIf-Modified-Sinc1: x\r\nX-A: Upgrade\r\n\r\n`, {}],
  // Names that differ in one place or in length.
  [`GET / HTTP/1.1\r\n${HOST}X-A: 1\r\nX-B: 1\r\nX-AA: 1\r\nX: 1\r\n\r\n`, {}],
  // The same text as a value and as a name.
  [`GET / HTTP/1.1\r\n${HOST}X-A: X-B\r\nX-B: X-A\r\nX-C: X-A\r\n\r\n`, {}],
  [`GET / HTTP/1.1\r\n${Array.from({ length: 100 }, (_, i) => `X-${i}: ${i}\r\n`).join('')}\r\n`, {}],
];

/** Heads that are left to node:http, be they valid or not. */
const LEFT: readonly (readonly [title: string, text: string])[] = [
  ['a method that the engine does not know', `PURGE / HTTP/1.1\r\n${HOST}\r\n`],
  ['CONNECT', `CONNECT a:1 HTTP/1.1\r\n${HOST}\r\n`],
  ['a method in small letters', `get / HTTP/1.1\r\n${HOST}\r\n`],
  ['a byte before the method', ` GET / HTTP/1.1\r\n${HOST}\r\n`],
  ['no method', ` / HTTP/1.1\r\n${HOST}\r\n`],
  ['an empty line first', `\r\nGET / HTTP/1.1\r\n${HOST}\r\n`],
  ['HTTP/1.0', `GET / HTTP/1.0\r\n${HOST}\r\n`],
  ['HTTP/1x1', `GET / HTTP/1x1\r\n${HOST}\r\n`],
  ['a blank behind the version', `GET / HTTP/1.1 \r\n${HOST}\r\n`],
  ['absolute form', `GET http://a/ HTTP/1.1\r\n${HOST}\r\n`],
  ['asterisk form', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`],
  ['no target', `GET  HTTP/1.1\r\n${HOST}\r\n`],
  ['two spaces before the target', `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  ['a space in the target', `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
  ['a tab in the target', `GET /a\tb HTTP/1.1\r\n${HOST}\r\n`],
  ['DEL in the target', `GET /a\x7f HTTP/1.1\r\n${HOST}\r\n`],
  ['NUL in the target', `GET /a\0 HTTP/1.1\r\n${HOST}\r\n`],
  ['a raw byte in the method', `G\xc9T / HTTP/1.1\r\n${HOST}\r\n`],
  ['a raw byte in the version', `GET / HTTP/1.1\xff\r\n${HOST}\r\n`],
  ['a request line that ends in LF', `GET / HTTP/1.1\n${HOST}\r\n`],
  ['a field that ends in LF', `GET / HTTP/1.1\r\nHost: a\nX-A: 1\r\n\r\n`],
  ['a folded field', `GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n`],
  ['a field without a colon', `GET / HTTP/1.1\r\n${HOST}x\r\n\r\n`],
  ['a blank before the colon', `GET / HTTP/1.1\r\nHost : a\r\n\r\n`],
  ['NUL in a field', `GET / HTTP/1.1\r\n${HOST}X-A: \0\r\n\r\n`],
  ['Expect', `POST / HTTP/1.1\r\n${HOST}expect: 100-continue\r\nContent-Length: 1\r\n\r\n`],
  ['Upgrade', `GET / HTTP/1.1\r\n${HOST}upgrade: h2c\r\n\r\n`],
  ['Proxy-Connection', `GET / HTTP/1.1\r\n${HOST}proxy-connection: keep-alive\r\n\r\n`],
  ['Transfer-Encoding', `POST / HTTP/1.1\r\n${HOST}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ...[
    '',
    'upgrade',
    'x',
    'keep-alive, x',
    'x, close',
    'close, x',
    'xclose',
    'closed',
    'xkeep-alive',
    'keep-alives',
  ].map((value) => [`Connection: ${value}`, `GET / HTTP/1.1\r\n${HOST}Connection: ${value}\r\n\r\n`] as const),
  ...['', '+5', '-5', '5x', 'x5', '5, 5', '0x5', '10000000', '5.0'].map(
    (value) => [`Content-Length: ${value}`, `POST / HTTP/1.1\r\n${HOST}Content-Length: ${value}\r\n\r\nhello`] as const,
  ),
  ['a tab behind the length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\t\r\n\r\nhello`],
  ['a tab before the length', `POST / HTTP/1.1\r\n${HOST}Content-Length:\t5\r\n\r\nhello`],
  ['the same field twice', `GET / HTTP/1.1\r\n${HOST}X-A: 1\r\nX-A: 1\r\n\r\n`],
  ['the same field in other case', `GET / HTTP/1.1\r\n${HOST}X-A: 1\r\nX-B: 1\r\nx-a: 2\r\n\r\n`],
  ['the first field once more', `GET / HTTP/1.1\r\n${HOST}X-A: 1\r\nhOST: a\r\n\r\n`],
  ['two lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`],
  ['101 fields', `GET / HTTP/1.1\r\n${Array.from({ length: 101 }, (_, i) => `X-${i}: ${i}\r\n`).join('')}\r\n`],
];

describe('the fast engine', () => {
  for (const [text, expected] of READ) {
    it(`reads ${JSON.stringify(text.slice(0, 90))}`, () => {
      const head = read(text);
      assert.ok(head !== undefined);
      const { method = 'GET', url, raw, closeAfter = false, bodyLength = 0 } = expected;
      assert.deepEqual([head.method, head.fields.closeAfter, head.fields.bodyLength], [method, closeAfter, bodyLength]);
      if (url !== undefined) assert.equal(head.url, url);
      if (raw !== undefined) assert.deepEqual(head.fields.raw, raw);
      const bodyAt = text.indexOf('\r\n\r\n') + 4;
      assert.deepEqual([head.bodyAt, head.fields.length], [bodyAt, bodyAt - text.indexOf('\r\n') - 2]);
      assert.equal(head.fields.validated, false);
    });

    it(`waits for all of ${JSON.stringify(text.slice(0, 90))}`, () => {
      const end = text.indexOf('\r\n\r\n') + 4;
      for (let at = 0; at < end; at += 1) assert.equal(read(text.slice(0, at)), undefined, text.slice(0, at));
    });
  }

  for (const [title, text] of LEFT) {
    it(`leaves to node:http: ${title}`, () => {
      assert.equal(read(text), undefined);
    });
  }

  it('reads a request line and a header section of up to half of what a head may have, both', () => {
    const text = `GET /${'a'.repeat(20)} HTTP/1.1\r\n${HOST}\r\n`;
    const fieldsEnd = text.indexOf('\r\n\r\n');
    assert.notEqual(read(text, fieldsEnd * 2), undefined);
    assert.equal(read(text, fieldsEnd * 2 - 1), undefined);
    const bare = `GET /${'a'.repeat(20)} HTTP/1.1\r\n\r\n`;
    assert.notEqual(read(bare, bare.indexOf('\r\n') * 2), undefined);
    assert.equal(read(bare, bare.indexOf('\r\n') * 2 - 1), undefined);
  });
});
