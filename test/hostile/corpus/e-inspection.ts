import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { InspectionItem } from '../item.ts';
import { bytesOf, CLOSE, letters, type Pieces } from '../pieces.ts';

/* Class E: does this reply say that the token is dead? Once too often costs a login, once too seldom costs a caller. */

type Unnumbered = Omit<InspectionItem, 'id'>;
interface Shape {
  readonly status?: string;
  readonly type?: string | undefined;
  readonly fields?: readonly string[];
  readonly method?: string;
  readonly flow?: InspectionItem['flow'];
}

/** A reply with this body; its length is said. */
function message(body: Buffer, { status = '200 OK', type = 'application/json', fields = [] }: Shape): Buffer {
  const head = [
    `HTTP/1.1 ${status}`,
    ...(type === '' ? [] : [`Content-Type: ${type}`]),
    ...fields,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([bytesOf(`${head.join('\r\n')}\r\n\r\n`), body]);
}
const make =
  (fate: InspectionItem['fate']) =>
  (about: string, body: string | Buffer, shape: Shape = {}): Unnumbered => ({
    about,
    fate,
    flow: shape.flow ?? 'chatapp',
    ...(shape.method !== undefined && { method: shape.method }),
    reply: [message(typeof body === 'string' ? Buffer.from(body, 'utf8') : body, shape)],
  });
const renew = make('renew');
const leave = make('no-renew');
const inPieces = (about: string, fate: InspectionItem['fate'], reply: Pieces): Unnumbered => ({
  about,
  fate,
  flow: 'chatapp',
  reply,
});
const softline = (status = '401 Unauthorized'): Shape => ({ flow: 'softline', status });

const DEAD = '{"success":false,"error":{"code":"ApiInvalidTokenError","message":"Invalid token"}}';
const raw = Buffer.from(DEAD);
const utf16 = (swap: boolean): Buffer => {
  const text = Buffer.from(`\ufeff${DEAD}`, 'utf16le');
  return swap ? text.swap16() : text;
};
const padded = (size: number): string => `${DEAD}${' '.repeat(size - DEAD.length)}`;
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}${DEAD}${'}'.repeat(depth)}`;
const CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

const dead: readonly Unnumbered[] = [
  renew('plain', DEAD),
  renew('with 401', DEAD, { status: '401 Unauthorized' }),
  renew('with 403', DEAD, { status: '403 Forbidden' }),
  renew('with 500', DEAD, { status: '500 Oops' }),
  renew('on a redirect', DEAD, { status: '302 Found', fields: ['Location: /login'] }),
  renew('a byte order mark', `\ufeff${DEAD}`),
  renew('UTF-16, little end first', utf16(false)),
  renew('UTF-16, big end first', utf16(true)),
  renew('an escaped key', DEAD.replace('"code"', '"\\u0063ode"')),
  renew('an escaped value', DEAD.replace('ApiInvalid', '\\u0041piInvalid')),
  renew(
    'every letter of the value escaped',
    DEAD.replace(
      'ApiInvalidTokenError',
      letters('ApiInvalidTokenError')
        .map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`)
        .join(''),
    ),
  ),
  renew('white space everywhere', DEAD.replace(/([{}:,])/g, ' \r\n\t$1 ')),
  renew('exactly 64 KiB', padded(65_536)),
  renew('gzip', gzipSync(raw), { fields: ['Content-Encoding: gzip'] }),
  renew('x-gzip', gzipSync(raw), { fields: ['Content-Encoding: x-gzip'] }),
  renew('the coding in capitals', gzipSync(raw), { fields: ['Content-Encoding: GZIP'] }),
  renew('brotli', brotliCompressSync(raw), { fields: ['Content-Encoding: br'] }),
  renew('deflate as zlib', deflateSync(raw), { fields: ['Content-Encoding: deflate'] }),
  renew('deflate without zlib', deflateRawSync(raw), { fields: ['Content-Encoding: deflate'] }),
  renew('gzip that nobody mentions', gzipSync(raw)),
  renew('identity', DEAD, { fields: ['Content-Encoding: identity'] }),
  renew('labelled text/html', DEAD, { type: 'text/html; charset=utf-8' }),
  renew('labelled text/plain', DEAD, { type: 'text/plain' }),
  renew('without a label', DEAD, { type: '' }),
  renew('problem+json', DEAD, { type: 'application/problem+json' }),
  renew("a vendor's json", DEAD, { type: 'application/vnd.api+json' }),
  renew('the label in capitals', DEAD, { type: 'APPLICATION/JSON' }),
  renew('one key twice, the last one says so', DEAD.replace('"success":false', '"success":true,"success":false')),
  renew('1e400 beside it', DEAD.replace('}}', '},"n":1e400}')),
  renew('__proto__ beside it', DEAD.replace('}}', '},"__proto__":{"success":true}}')),
  renew('200 levels beside it', DEAD.replace('}}', `},"x":${'['.repeat(200)}${']'.repeat(200)}}`)),
  inPieces('chunks that cut the key in two', 'renew', [
    CHUNKED_HEAD,
    chunk(DEAD.slice(0, 20)),
    20,
    chunk(DEAD.slice(20, 45)),
    20,
    chunk(DEAD.slice(45)),
    '0\r\n\r\n',
  ]),
  inPieces('one chunk per byte', 'renew', [CHUNKED_HEAD, letters(DEAD).map(chunk).join(''), '0\r\n\r\n']),
  inPieces('until the connection closes', 'renew', [
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n${DEAD}`,
    CLOSE,
  ]),
  renew('softline: 1007', '{"errors":[{"error":1007,"message":"x"}]}', softline()),
  renew('softline: "1008" as text', '{"errors":[{"error":"1008"}]}', softline()),
  renew('softline: in the third place', '{"errors":[{"error":1},{"error":2},{"error":1009}]}', softline()),
];

const ordinary: readonly Unnumbered[] = [
  leave('64 KiB and one byte', padded(65_537)),
  leave('deeper than the rule says', `{"data":${DEAD}}`),
  leave('in an array', `[${DEAD}]`),
  leave('ten thousand levels deep', nested(10_000)),
  leave('quoted in a success', '{"success":true,"data":{"text":"ApiInvalidTokenError"}}'),
  leave('a success that has the code', '{"success":true,"error":{"code":"ApiInvalidTokenError"}}'),
  leave('quoted in a message', '{"success":false,"error":{"code":"Other","message":"not ApiInvalidTokenError"}}'),
  leave('the whole error as a text', JSON.stringify({ success: true, data: DEAD })),
  leave('another code', DEAD.replace('ApiInvalidTokenError', 'ApiPermissionError')),
  leave('a longer code', DEAD.replace('TokenError', 'TokenErrorX')),
  leave('the code in another case', DEAD.replace('ApiInvalid', 'apiinvalid')),
  leave('the code in a list', DEAD.replace('"ApiInvalidTokenError"', '["ApiInvalidTokenError"]')),
  leave('success as a text', DEAD.replace('false', '"false"')),
  leave('no success', DEAD.replace('"success":false,', '')),
  leave('one key twice, the last one says no', DEAD.replace('"success":false', '"success":false,"success":true')),
  leave('by way of __proto__', `{"__proto__":${DEAD}}`),
  leave('by way of constructor.prototype', `{"constructor":{"prototype":${DEAD}}}`),
  leave('error is null', '{"success":false,"error":null}'),
  leave('null', 'null'),
  leave('a number', '1007'),
  leave('nothing', ''),
  leave('something behind it', `${DEAD}x`),
  leave('cut short', DEAD.slice(0, -2)),
  leave('single quotes', DEAD.replaceAll('"', "'")),
  leave('a comment', `/* */${DEAD}`),
  leave('a line of a log', `${DEAD}\n{"success":true}\n`, { type: 'application/x-ndjson' }),
  leave('NDJSON under the name of JSON', `${DEAD}\n{"success":true}\n`),
  leave('json-seq', `\x1e${DEAD}\n`, { type: 'application/json-seq' }),
  leave('an event stream', `data: ${DEAD}\n\n`, { type: 'text/event-stream' }),
  leave('a table', DEAD, { type: 'text/csv' }),
  leave('a picture', DEAD, { type: 'image/png' }),
  leave('a download', DEAD, { type: 'application/octet-stream' }),
  leave('a part', DEAD, { status: '206 Partial Content', fields: ['Content-Range: bytes 0-82/1000'] }),
  leave('zstd', Buffer.from('28b52ffd', 'hex'), { fields: ['Content-Encoding: zstd'] }),
  leave('gzip twice', gzipSync(gzipSync(raw)), { fields: ['Content-Encoding: gzip, gzip'] }),
  leave('gzip a thousand times over in the label', gzipSync(raw), {
    fields: [`Content-Encoding: ${'gzip, '.repeat(999)}gzip`],
  }),
  leave('gzip in the label only', DEAD, { fields: ['Content-Encoding: gzip'] }),
  leave('gzip cut short', gzipSync(raw).subarray(0, 40), { fields: ['Content-Encoding: gzip'] }),
  leave('a bomb: ten MiB of zeros', gzipSync(Buffer.alloc(10 * 1024 * 1024)), { fields: ['Content-Encoding: gzip'] }),
  leave('a bomb behind the code', gzipSync(Buffer.from(padded(10 * 1024 * 1024))), {
    fields: ['Content-Encoding: gzip'],
  }),
  leave('a brotli bomb', brotliCompressSync(Buffer.alloc(10 * 1024 * 1024)), { fields: ['Content-Encoding: br'] }),
  leave('a deflate bomb', deflateSync(Buffer.alloc(10 * 1024 * 1024)), { fields: ['Content-Encoding: deflate'] }),
  {
    about: 'HEAD',
    fate: 'no-renew',
    flow: 'chatapp',
    method: 'HEAD',
    reply: [`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${DEAD.length}\r\n\r\n`],
  },
  {
    about: '204',
    fate: 'no-renew',
    flow: 'chatapp',
    reply: ['HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n'],
  },
  {
    about: '304',
    fate: 'no-renew',
    flow: 'chatapp',
    reply: [`HTTP/1.1 304 Not Modified\r\nContent-Type: application/json\r\nContent-Length: ${DEAD.length}\r\n\r\n`],
  },
  leave('softline: wrong password', '{"errors":[{"error":1006}]}', softline()),
  leave('softline: 1007 in a 200', '{"errors":[{"error":1007}]}', softline('200 OK')),
  leave('softline: no list', '{"errors":{"error":1007}}', softline()),
  leave('softline: 1e400', '{"errors":[{"error":1e400}]}', softline()),
  leave('softline: 10070', '{"errors":[{"error":10070}]}', softline()),
  leave('softline: 1007.5', '{"errors":[{"error":1007.5}]}', softline()),
  leave('softline: 401 in HTML', '<h1>1007</h1>', { ...softline(), type: 'text/html' }),
  leave('softline: 401 and nothing', '', softline()),
];

export const inspection: readonly InspectionItem[] = [...dead, ...ordinary].map((item, i) => ({
  id: `E${String(i + 1).padStart(2, '0')}`,
  ...item,
}));
