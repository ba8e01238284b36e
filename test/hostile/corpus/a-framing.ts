import type { Passage, RequestItem } from '../item.ts';
import { letters, type Pieces } from '../pieces.ts';
import { CANARY, request, SMUGGLED } from './requests.ts';

/* Class A: where does a request end? Whatever two readers could answer differently must not go upstream. */

const refuse = (id: string, about: string, text: string, more: Partial<RequestItem> = {}): RequestItem => ({
  id,
  about,
  send: [text],
  fate: 'refuse',
  ...more,
});
const pass = (id: string, about: string, send: string | Pieces, ...fate: Passage[]): RequestItem => ({
  id,
  about,
  send: typeof send === 'string' ? [send] : send,
  fate,
});
const post = (id: string, fields: readonly string[], body = ''): string => request(`POST /api/${id}`, fields, body);
/** A chunked POST with these bytes for a body. */
const chunked = (id: string, body: string): string => post(id, ['Transfer-Encoding: chunked'], body);
const CHUNKED = 'Transfer-Encoding: chunked';

const conflicts: readonly RequestItem[] = [
  refuse('A01', 'length, then chunked', post('A01', ['Content-Length: 5', CHUNKED], '0\r\n\r\n')),
  refuse('A02', 'chunked, then length', post('A02', [CHUNKED, 'Content-Length: 5'], '0\r\n\r\n')),
  refuse(
    'A03',
    'length 0 and chunked, a request behind',
    post('A03', ['Content-Length: 0', CHUNKED], `0\r\n\r\n${SMUGGLED}`),
  ),
  refuse(
    'A04',
    'length that covers a request behind the last chunk',
    post('A04', [`Content-Length: ${5 + SMUGGLED.length}`, CHUNKED], `0\r\n\r\n${SMUGGLED}`),
  ),
  refuse('A05', 'both in odd case', post('A05', ['cOnTeNt-LeNgTh: 5', 'TRANSFER-ENCODING: CHUNKED'], '0\r\n\r\n')),
  refuse(
    'A06',
    'both, with other fields between',
    post('A06', ['Content-Length: 5', 'X-A: 1', 'X-B: 2', CHUNKED], '0\r\n\r\n'),
  ),
  refuse('A07', 'one length twice', post('A07', ['Content-Length: 5', 'Content-Length: 5'], 'hello')),
  refuse('A08', 'two lengths', post('A08', ['Content-Length: 5', 'Content-Length: 6'], 'hello!')),
  refuse(
    'A09',
    'two lengths, the names in different case',
    post('A09', ['Content-Length: 0', 'content-length: 46'], SMUGGLED),
  ),
  refuse('A10', 'a list of one length', post('A10', ['Content-Length: 5, 5'], 'hello')),
  refuse('A11', 'a list of two lengths', post('A11', ['Content-Length: 5,6'], 'hello!')),
];

const lengths: readonly RequestItem[] = [
  ['+5', 'a plus sign'],
  ['-1', 'a negative length'],
  ['0x5', 'hexadecimal'],
  ['', 'an empty length'],
  ['5 5', 'two numbers'],
  ['1e1', 'an exponent'],
  ['5.0', 'a fraction'],
  ['99999999999999999999', 'twenty digits'],
  ['18446744073709551616', 'two to the 64th'],
  ['9007199254740993', 'beyond exact numbers'],
  ['5;', 'a semicolon'],
  ['"5"', 'in quotes'],
  ['\x0b5', 'a vertical tab'],
  ['5\x00', 'a NUL behind it'],
  ['\xb2', 'a superscript two'],
  ['five', 'a word'],
].map(([value, about], i) =>
  refuse(`A${12 + i}`, `length: ${about!}`, post(`A${12 + i}`, [`Content-Length: ${value!}`], 'hello')),
);

const codings: readonly RequestItem[] = [
  ['identity', 'identity'],
  ['identity, chunked', 'identity, then chunked'],
  ['gzip, chunked', 'gzip, then chunked'],
  [',chunked', 'an empty element first'],
  ['chunked,', 'an empty element last'],
  ['chunked, chunked', 'chunked twice'],
  ['chunked, identity', 'chunked not last'],
  ['xchunked', 'a word that ends so'],
  ['chunkedx', 'a word that begins so'],
  ['chunked;q=1', 'a parameter'],
  ['"chunked"', 'in quotes'],
  ['\x0bchunked', 'a vertical tab'],
  ['chunked\x00', 'a NUL'],
  ['chunked\x0c', 'a form feed'],
  ['', 'empty'],
  ['chun ked', 'a space inside'],
  ['\xa0chunked', 'a no-break space'],
].map(([value, about], i) =>
  refuse(
    `A${30 + i}`,
    `transfer coding: ${about!}`,
    post(`A${30 + i}`, [`Transfer-Encoding: ${value!}`], `5\r\nhello\r\n0\r\n\r\n`),
  ),
);

const names: readonly RequestItem[] = [
  refuse('A50', 'chunked said twice', post('A50', [CHUNKED, CHUNKED], '0\r\n\r\n')),
  refuse(
    'A51',
    'chunked and identity in two fields',
    post('A51', [CHUNKED, 'Transfer-Encoding: identity'], '0\r\n\r\n'),
  ),
  refuse('A52', 'a space before the colon of the length', post('A52', ['Content-Length : 5'], 'hello')),
  refuse('A53', 'a space before the colon of the coding', post('A53', ['Transfer-Encoding : chunked'], '0\r\n\r\n')),
  refuse('A54', 'the coding on a folded line', post('A54', ['Transfer-Encoding:', ' chunked'], '0\r\n\r\n')),
  refuse('A55', 'a folded length', post('A55', ['Content-Length: 1', ' 2'], 'hello hello.')),
  refuse('A56', 'Content_Length', post('A56', ['Content_Length: 5'], 'hello')),
  refuse(
    'A57',
    'Transfer_Encoding beside a length',
    post('A57', ['Content-Length: 5', 'Transfer_Encoding: chunked'], '0\r\n\r\n'),
  ),
  refuse(
    'A58',
    'a tab before the name',
    post('A58', ['\tTransfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
  ),
  refuse(
    'A59',
    'a bare LF before the coding',
    post('A59', ['X-A: 1\nTransfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
  ),
  refuse(
    'A60',
    'a bare CR before the coding',
    post('A60', ['X-A: 1\rTransfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'),
  ),
  refuse(
    'A61',
    'chunked in HTTP/1.0',
    'POST /api/A61 HTTP/1.0\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  ),
  refuse('A47', 'a length among the trailers', post('A47', [CHUNKED], '5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n')),
  refuse(
    'A48',
    'a coding among the trailers',
    post('A48', [CHUNKED], '5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n'),
  ),
  refuse(
    'A62',
    'chunked and a length in HTTP/1.0',
    'POST /api/A62 HTTP/1.0\r\nHost: proxy\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
];

const chunks: readonly RequestItem[] = [
  ['0x5\r\nhello\r\n0\r\n\r\n', 'a size with 0x'],
  ['-5\r\nhello\r\n0\r\n\r\n', 'a negative size'],
  ['+5\r\nhello\r\n0\r\n\r\n', 'a size with a plus'],
  ['FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n', 'a size of seventeen digits'],
  ['5\r\nhello0\r\n\r\n', 'no line end behind the data'],
  ['5\r\nhello!\r\n0\r\n\r\n', 'more data than said'],
  ['5\nhello\n0\n\n', 'bare LF all through'],
  ['5\r\nhello\n0\r\n\r\n', 'a bare LF behind the data'],
  ['5\rhello\r\n0\r\n\r\n', 'a bare CR behind the size'],
  ['5;a\nhello\r\n0\r\n\r\n', 'a bare LF in the extension'],
  [' 5\r\nhello\r\n0\r\n\r\n', 'a space before the size'],
  ['5 \r\nhello\r\n0\r\n\r\n', 'a space behind the size'],
  ['\r\n5\r\nhello\r\n0\r\n\r\n', 'an empty line first'],
  ['5_\r\nhello\r\n0\r\n\r\n', 'an underscore behind the size'],
  ['5\x00\r\nhello\r\n0\r\n\r\n', 'a NUL behind the size'],
  [`5;${'x'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`, 'an extension of 20 KiB'],
  ['g\r\nhello\r\n0\r\n\r\n', 'a size that is no number'],
].map(([body, about], i) => refuse(`A${63 + i}`, `chunks: ${about!}`, chunked(`A${63 + i}`, body!)));

const unfinished: readonly RequestItem[] = [
  refuse('A80', 'closed in the middle of a chunk', chunked('A80', '5\r\nhel'), { cut: true }),
  refuse('A81', 'closed before the last chunk', chunked('A81', '5\r\nhello\r\n'), { cut: true }),
  refuse('A82', 'closed in the middle of the last line', chunked('A82', '5\r\nhello\r\n0\r\n'), { cut: true }),
  refuse('A83', 'closed in the middle of a body with a length', post('A83', ['Content-Length: 10'], 'hello'), {
    cut: true,
  }),
  refuse('A84', 'closed in the middle of the head', 'POST /api/A84 HTTP/1.1\r\nHost: proxy\r\nContent-Le', {
    cut: true,
  }),
  refuse('A85', 'bare LF for every line end', 'POST /api/A85 HTTP/1.1\nHost: proxy\nContent-Length: 5\n\nhello'),
  refuse('A86', 'bare LF behind the request line', 'GET /api/A86 HTTP/1.1\nHost: proxy\r\n\r\n'),
  refuse('A87', 'bare LF at the end of the head', 'GET /api/A87 HTTP/1.1\r\nHost: proxy\r\n\n'),
  refuse('A88', 'the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refuse('A89', 'HTTP/0.9', 'GET /api/A89\r\n\r\n'),
  refuse('A90', 'bytes that are a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  refuse(
    'A91',
    'Upgrade: websocket',
    request('GET /api/A91', [
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]),
  ),
  refuse(
    'A92',
    'Upgrade: websocket with a body',
    post('A92', ['Connection: Upgrade', 'Upgrade: websocket', `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
  ),
  refuse('A93', 'Upgrade: h2c, websocket', request('GET /api/A93', ['Connection: Upgrade', 'Upgrade: h2c, websocket'])),
  refuse('A94', 'Upgrade: TLS/1.2, not named in Connection', request('GET /api/A94', ['Upgrade: TLS/1.2'])),
];

const DROPPED = ['transfer-encoding', 'trailer', 'te', 'upgrade', 'http2-settings', 'keep-alive'];
const passing: readonly RequestItem[] = [
  pass(
    'A95',
    'a chunked DELETE whose body is a request',
    request('DELETE /api/A95', [CHUNKED], `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    { method: 'DELETE', target: '/api/A95', body: SMUGGLED },
  ),
  pass(
    'A96',
    'a chunked OPTIONS whose body is a request',
    request('OPTIONS /api/A96', [CHUNKED], `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    { method: 'OPTIONS', target: '/api/A96', body: SMUGGLED },
  ),
  pass('A97', 'a chunked GET', request('GET /api/A97', [CHUNKED], '5\r\nhello\r\n0\r\n\r\n'), {
    method: 'GET',
    target: '/api/A97',
    body: 'hello',
  }),
  pass(
    'A98',
    'a GET with a length, its body a request',
    request('GET /api/A98', [`Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    { method: 'GET', target: '/api/A98', body: SMUGGLED },
  ),
  pass('A99', 'a HEAD with a body', request('HEAD /api/A99', ['Content-Length: 5'], 'hello'), {
    method: 'HEAD',
    target: '/api/A99',
    body: 'hello',
  }),
  pass(
    'A100',
    'two requests in one write',
    request('GET /api/A100') + request('GET /api/A100-second'),
    { method: 'GET', target: '/api/A100' },
    { method: 'GET', target: '/api/A100-second' },
  ),
  pass(
    'A101',
    'a chunked body and a request behind it',
    `${chunked('A101', '5\r\nhello\r\n0\r\n\r\n')}${request('GET /api/A101-second')}`,
    { method: 'POST', target: '/api/A101', body: 'hello' },
    { method: 'GET', target: '/api/A101-second' },
  ),
  pass(
    'A102',
    'length 0, and bytes that are no request behind it',
    post('A102', ['Content-Length: 0'], 'hello\r\n\r\n'),
    { method: 'POST', target: '/api/A102', body: '' },
  ),
  pass('A103', 'no length, and bytes that are no request behind it', post('A103', [], 'hello\r\n\r\n'), {
    method: 'POST',
    target: '/api/A103',
    body: '',
  }),
  pass(
    'A104',
    'Upgrade: h2c, as Java sends it',
    request('GET /api/A104', [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    ]),
    { method: 'GET', target: '/api/A104', lacks: DROPPED },
  ),
  pass(
    'A105',
    'Upgrade: h2c with a body, as Java sends it',
    post(
      'A105',
      [
        'Connection: Upgrade, HTTP2-Settings',
        'Content-Length: 5',
        'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
        'Upgrade: h2c',
      ],
      'hello',
    ),
    { method: 'POST', target: '/api/A105', body: 'hello', lacks: DROPPED },
  ),
  pass(
    'A106',
    'Upgrade: h2c with a chunked body',
    post('A106', ['Connection: Upgrade', 'Upgrade: h2c', CHUNKED], '5\r\nhello\r\n0\r\n\r\n'),
    { method: 'POST', target: '/api/A106', body: 'hello', lacks: ['upgrade'] },
  ),
  pass(
    'A107',
    'trailers, among them credentials',
    post(
      'A107',
      [CHUNKED, 'Trailer: X-Sum, Authorization'],
      `5\r\nhello\r\n0\r\nX-Sum: 1\r\nAuthorization: Bearer ${CANARY}\r\n\r\n`,
    ),
    { method: 'POST', target: '/api/A107', body: 'hello', lacks: ['x-sum', 'trailer'] },
  ),
  pass(
    'A108',
    'trailers that name Host and Via',
    post('A108', [CHUNKED], '5\r\nhello\r\n0\r\nHost: other\r\nVia: 1.1 other\r\n\r\n'),
    { method: 'POST', target: '/api/A108', body: 'hello' },
  ),
  pass('A109', 'chunk extensions', chunked('A109', '5;name=value;q="a b"\r\nhello\r\n0;last\r\n\r\n'), {
    method: 'POST',
    target: '/api/A109',
    body: 'hello',
  }),
  pass('A110', 'sizes with leading zeros', chunked('A110', '0005\r\nhello\r\n000\r\n\r\n'), {
    method: 'POST',
    target: '/api/A110',
    body: 'hello',
  }),
  pass(
    'A111',
    'a chunked body byte by byte',
    [chunked('A111', ''), ...letters('5\r\nhello\r\n0\r\n\r\n').flatMap((letter) => [letter, 1])],
    { method: 'POST', target: '/api/A111', body: 'hello' },
  ),
  pass(
    'A112',
    'Connection names the length',
    post('A112', ['Connection: keep-alive, Content-Length', 'Content-Length: 5'], 'hello'),
    { method: 'POST', target: '/api/A112', body: 'hello' },
  ),
  pass(
    'A113',
    'Connection names the coding',
    post('A113', ['Connection: Transfer-Encoding', CHUNKED], '5\r\nhello\r\n0\r\n\r\n'),
    { method: 'POST', target: '/api/A113', body: 'hello' },
  ),
];

export const framing: readonly RequestItem[] = [
  ...conflicts,
  ...lengths,
  ...codings,
  ...names,
  ...chunks,
  ...unfinished,
  ...passing,
];
