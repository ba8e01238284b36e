import type { ReplyItem } from '../item.ts';
import { CLOSE, letters, RESET, type Pieces } from '../pieces.ts';

/* Class D: an upstream that breaks the rules, by mistake or on purpose. Its caller gets the whole reply, or is told. */

type Unnumbered = Omit<ReplyItem, 'id'>;
/** A reply's text: status line, fields, body. */
const reply = (line: string, fields: readonly string[], body = ''): string =>
  `HTTP/1.1 ${line}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;
const CHUNKED = 'Transfer-Encoding: chunked';
const OK = reply('200 OK', ['Content-Length: 2'], 'ok');
/** A whole reply to nobody, hidden where the next caller might find it. */
const STRAY = reply('200 OK', ['Content-Length: 6', 'X-Stray: 1'], 'stolen');

const relay = (about: string, bytes: string | Pieces, sees: Partial<ReplyItem> = {}): Unnumbered => ({
  about,
  reply: typeof bytes === 'string' ? [bytes] : bytes,
  fate: 'relay',
  status: 200,
  body: 'ok',
  ...sees,
});
/** Ended by the upstream too, so that nothing waits for a timeout. */
const fail = (about: string, bytes: string | Pieces, more: Partial<ReplyItem> = {}): Unnumbered => ({
  about,
  reply: typeof bytes === 'string' ? [bytes, 20, CLOSE] : bytes,
  fate: 'fail',
  ...more,
});
const either = (about: string, bytes: string, sees: Partial<ReplyItem> = {}): Unnumbered => ({
  about,
  reply: [bytes, 20, CLOSE],
  fate: 'either',
  body: 'ok',
  ...sees,
});
const HEAD = { request: { method: 'HEAD' } } as const;

const whole: readonly Unnumbered[] = [
  relay('a length', OK),
  relay('chunks', reply('200 OK', [CHUNKED], '1\r\no\r\n1\r\nk\r\n0\r\n\r\n')),
  relay('until the connection closes', [reply('200 OK', ['Connection: close'], 'ok'), CLOSE]),
  relay('until the connection closes, unsaid', [reply('200 OK', [], 'ok'), 10, CLOSE]),
  relay('HTTP/1.0', ['HTTP/1.0 200 OK\r\n\r\nok', CLOSE]),
  relay('HTTP/1.0 with a length, left open', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  relay('304 with a length', reply('304 Not Modified', ['Content-Length: 1234', 'ETag: "a"']), {
    status: 304,
    body: '',
    has: [['ETag', '"a"']],
  }),
  relay('304 that says chunked', reply('304 Not Modified', [CHUNKED]), { status: 304, body: '' }),
  relay('204', reply('204 No Content', []), { status: 204, body: '' }),
  relay('204 with a length', reply('204 No Content', ['Content-Length: 10']), { status: 204, body: '' }),
  relay('HEAD with a length', reply('200 OK', ['Content-Length: 1234']), { ...HEAD, body: '' }),
  relay('HEAD that says chunked', reply('200 OK', [CHUNKED]), { ...HEAD, body: '' }),
  relay('HEAD without a length', reply('200 OK', []), { ...HEAD, body: '' }),
  relay('an unasked 100 Continue before it', `HTTP/1.1 100 Continue\r\n\r\n${OK}`),
  relay('103 before it', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`, { lacks: ['link'] }),
  relay(
    '100, 102 and 103 before it',
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${OK}`,
  ),
  relay('100 to a POST', `HTTP/1.1 100 Continue\r\n\r\n${OK}`, { request: { method: 'POST', body: 5 } }),
  relay('100, then a pause', ['HTTP/1.1 100 Continue\r\n\r\n', 50, OK]),
  relay('chunk extensions', reply('200 OK', [CHUNKED], '2;a=b;c="d"\r\nok\r\n0;x\r\n\r\n')),
  relay('sizes with leading zeros', reply('200 OK', [CHUNKED], '0002\r\nok\r\n00\r\n\r\n')),
  relay('announced trailers', reply('200 OK', [CHUNKED, 'Trailer: X-Sum'], '2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'), {
    lacks: ['trailer'],
  }),
  relay(
    'trailers that set a cookie',
    reply('200 OK', [CHUNKED], '2\r\nok\r\n0\r\nSet-Cookie: a=b\r\nContent-Length: 900\r\n\r\n'),
    { lacks: ['set-cookie'] },
  ),
  relay('the coding in odd case', reply('200 OK', ['tRANSFER-eNCODING: cHUNKED'], '2\r\nok\r\n0\r\n\r\n')),
  relay('an empty reason', reply('200 ', ['Content-Length: 2'], 'ok')),
  relay('no reason', reply('200', ['Content-Length: 2'], 'ok')),
  relay('a reason in latin-1', reply('200 gr\xfc\xdfe', ['Content-Length: 2'], 'ok')),
  relay('status 299', reply('299 Odd', ['Content-Length: 2'], 'ok'), { status: 299 }),
  relay('status 599', reply('599 Odd', ['Content-Length: 2'], 'ok'), { status: 599 }),
  relay('latin-1 in a field', reply('200 OK', ['X-Name: caf\xe9', 'Content-Length: 2'], 'ok'), {
    has: [['X-Name', 'caf\xe9']],
  }),
  relay(
    'single bytes',
    letters(reply('200 OK', [CHUNKED], '1\r\no\r\n1\r\nk\r\n0\r\n\r\n')).flatMap((letter, i) =>
      i % 4 === 0 ? [1, letter] : [letter],
    ),
  ),
  relay(
    'a body whose pieces keep coming',
    [reply('200 OK', ['Content-Length: 4']), 'o', 250, 'k', 250, 'o', 250, 'k'],
    { body: 'okok' },
  ),
  relay('one name many times', reply('200 OK', ['Link: a', 'Link: b', 'Content-Length: 2'], 'ok'), {
    has: [
      ['Link', 'a'],
      ['Link', 'b'],
    ],
  }),
  relay('the body of another reply as a body', reply('200 OK', [`Content-Length: ${STRAY.length}`], STRAY), {
    body: STRAY,
  }),
  relay(
    'hop-by-hop fields',
    reply(
      '200 OK',
      [
        'Connection: X-Secret, keep-alive',
        'X-Secret: 1',
        'Keep-Alive: timeout=5',
        'Upgrade: h2c',
        'Proxy-Authenticate: Basic',
        'Content-Length: 2',
      ],
      'ok',
    ),
    { lacks: ['x-secret', 'upgrade', 'proxy-authenticate'] },
  ),
  relay(
    'challenges and cookies',
    reply(
      '200 OK',
      ['WWW-Authenticate: Bearer error="x"', 'Authentication-Info: a', 'Set-Cookie: session=1', 'Content-Length: 2'],
      'ok',
    ),
    { lacks: ['www-authenticate', 'authentication-info', 'set-cookie'] },
  ),
  relay(
    'our token in its fields',
    reply('200 OK', ['X-Echo: Bearer {token}', 'X-Other: a', 'Content-Length: 2'], 'ok'),
    { has: [['X-Other', 'a']], lacks: ['x-echo'] },
  ),
  relay(
    'fields by which only the proxy speaks',
    reply(
      '200 OK',
      [
        'X-Tokenward-Error: credential_dead',
        'x-tokenward-replay: not-replayed; may-resend',
        'X_TOKENWARD_REPLAY: held-back',
        'X-Tokenward-Anything: 1',
        'X-Token: 2',
        'Content-Length: 2',
      ],
      'ok',
    ),
    {
      has: [['X-Token', '2']],
      lacks: ['x-tokenward-error', 'x-tokenward-replay', 'x_tokenward_replay', 'x-tokenward-anything'],
    },
  ),
  relay(
    'the same on a refusal',
    reply('503 Unavailable', ['X-Tokenward-Error: credential_dead', 'Content-Length: 2'], 'no'),
    { status: 503, body: 'no', lacks: ['x-tokenward-error'] },
  ),
  relay('a redirect elsewhere', reply('302 Found', ['Location: http://evil.example/x', 'Content-Length: 2'], 'ok'), {
    status: 302,
    has: [['Location', 'http://evil.example/x']],
  }),
  relay('it closes right behind a whole reply', [OK, CLOSE]),
  relay('a reset right behind a whole reply', [OK, 30, RESET]),
];

const extra: readonly Unnumbered[] = (
  [
    relay('another reply behind a length', OK + STRAY),
    relay('another reply behind the last chunk', `${reply('200 OK', [CHUNKED], '2\r\nok\r\n0\r\n\r\n')}${STRAY}`),
    relay('another reply behind a 204', `${reply('204 No Content', [])}${STRAY}`, { status: 204, body: '' }),
    relay('another reply behind a 304', `${reply('304 Not Modified', ['Content-Length: 6'])}${STRAY}`, {
      status: 304,
      body: '',
    }),
    relay("a body behind a HEAD's head", `${reply('200 OK', [`Content-Length: ${STRAY.length}`])}${STRAY}`, {
      ...HEAD,
      body: '',
    }),
    relay('another reply a moment later', [OK, 15, STRAY]),
    relay('half of another reply', OK + STRAY.slice(0, 20)),
    relay('bytes that are no reply', `${OK}garbage`),
    relay('a line end too many', `${OK}\r\n`),
    relay('an interim reply behind it', `${OK}HTTP/1.1 100 Continue\r\n\r\n`),
  ] as const
).map((item) => ({ ...item, spoils: true }));

const early: readonly Unnumbered[] = [
  {
    about: '413 before the body is read, then it closes',
    request: { method: 'POST', body: 4_000_000 },
    early: true,
    reply: [reply('413 Too Large', ['Content-Length: 2', 'Connection: close'], 'no'), 100, CLOSE],
    fate: 'relay',
    status: 413,
    body: 'no',
  },
  {
    about: '413 before the body is read, and it stays open',
    request: { method: 'POST', body: 4_000_000 },
    early: true,
    reply: [reply('413 Too Large', ['Content-Length: 2'], 'no')],
    fate: 'relay',
    status: 413,
    body: 'no',
  },
  {
    about: 'a reset before the body is read',
    request: { method: 'POST', body: 4_000_000 },
    early: true,
    reply: [RESET],
    fate: 'fail',
  },
  {
    about: '200 after a body that had to stream',
    request: { method: 'POST', body: 4_000_000 },
    reply: [OK],
    fate: 'relay',
    status: 200,
    body: 'ok',
  },
];

const lengths = [
  '5, 5',
  '+2',
  '-2',
  '0x2',
  '',
  '2 2',
  '2.0',
  '99999999999999999999',
  'two',
  '"2"',
  '2;',
  '\xa02',
  '2\xa0',
].map((value) =>
  fail(`length: ${value === '' ? 'empty' : value}`, reply('200 OK', [`Content-Length: ${value}`], 'ok')),
);
const codings = [
  'gzip, chunked',
  'identity',
  'chunked, chunked',
  'chunked, identity',
  'xchunked',
  '',
  ',chunked',
  'chunked;q=1',
  '"chunked"',
  '\xa0chunked',
  'chunked\xa0',
].map((value) =>
  fail(
    `coding: ${value === '' ? 'empty' : value}`,
    reply('200 OK', [`Transfer-Encoding: ${value}`], '2\r\nok\r\n0\r\n\r\n'),
  ),
);
const chunks = (
  [
    ['x\r\nok\r\n0\r\n\r\n', 'a size that is no number'],
    ['-2\r\nok\r\n0\r\n\r\n', 'a negative size'],
    ['0x2\r\nok\r\n0\r\n\r\n', 'a size with 0x'],
    ['FFFFFFFFFFFFFFFFFF\r\nok\r\n0\r\n\r\n', 'a size of eighteen digits'],
    ['2\r\nokay\r\n0\r\n\r\n', 'more data than said'],
    ['2\r\nok0\r\n\r\n', 'no line end behind the data'],
    ['2\nok\n0\n\n', 'bare LF'],
    ['2\r\nok\r\n0\n\n', 'bare LF at the end'],
    ['2;\x00\r\nok\r\n0\r\n\r\n', 'a NUL in the extension'],
    [' 2\r\nok\r\n0\r\n\r\n', 'a space before the size'],
    ['\r\n2\r\nok\r\n0\r\n\r\n', 'an empty line first'],
    ['2\r\nok\r\n0\r\nbroken\r\n\r\n', 'a trailer without a colon'],
    [`2;${'x'.repeat(70_000)}\r\nok\r\n0\r\n\r\n`, 'an extension of 70 KB'],
    [
      `2\r\nok\r\n0\r\n${Array.from({ length: 5_000 }, (_, i) => `X-${i}: 1\r\n`).join('')}\r\n`,
      'five thousand trailers',
    ],
  ] as const
).map(([body, about]) => fail(`chunks: ${about}`, reply('200 OK', [CHUNKED], body)));

const heads: readonly Unnumbered[] = [
  fail('length and chunks', reply('200 OK', ['Content-Length: 2', CHUNKED], '2\r\nok\r\n0\r\n\r\n')),
  fail('chunks and length', reply('200 OK', [CHUNKED, 'Content-Length: 2'], '0\r\n\r\n')),
  fail('two lengths', reply('200 OK', ['Content-Length: 2', 'Content-Length: 3'], 'ok')),
  fail('one length twice', reply('200 OK', ['Content-Length: 2', 'content-length: 2'], 'ok')),
  fail('chunked twice', reply('200 OK', [CHUNKED, CHUNKED], '2\r\nok\r\n0\r\n\r\n')),
  fail('chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  fail('101 nobody asked for', [
    reply('101 Switching Protocols', ['Connection: Upgrade', 'Upgrade: websocket']),
    '\x81\x02hi',
    20,
    CLOSE,
  ]),
  fail('101, then a reply', reply('101 Switching Protocols', ['Upgrade: h2c']) + OK),
  fail('status 099', reply('099 Odd', ['Content-Length: 2'], 'ok')),
  fail('status 000', reply('000 Odd', ['Content-Length: 2'], 'ok')),
  fail('status 20', reply('20 OK', ['Content-Length: 2'], 'ok')),
  fail('status 2000', reply('2000 OK', ['Content-Length: 2'], 'ok')),
  fail('status +20', reply('+20 OK', ['Content-Length: 2'], 'ok')),
  fail('two spaces before the status', reply(' 200 OK', ['Content-Length: 2'], 'ok')),
  fail('status 600', reply('600 Odd', ['Content-Length: 2'], 'ok')),
  fail('status 999', reply('999 Odd', ['Content-Length: 2'], 'ok')),
  fail('status 600, left open', [reply('600 Odd', ['Content-Length: 2'], 'ok')]),
  fail('status 999 behind an interim reply', `HTTP/1.1 100 Continue\r\n\r\n${reply('999 Odd', ['Content-Length: 0'])}`),
  fail('status 600 to a HEAD', reply('600 Odd', []), HEAD),
  either('2,000 bytes of reason', reply(`200 ${'x'.repeat(2_000)}`, ['Content-Length: 2'], 'ok'), { status: 200 }),
  fail('a control byte in the reason', reply('200 O\x01K', ['Content-Length: 2'], 'ok')),
  fail('a NUL in the reason', reply('200 O\x00K', ['Content-Length: 2'], 'ok')),
  fail('a bare CR in the reason', reply('200 OK\rX-A: 1', ['Content-Length: 2'], 'ok')),
  fail('a control byte in a field', reply('200 OK', ['X-A: a\x01b', 'Content-Length: 2'], 'ok')),
  fail('a NUL in a field', reply('200 OK', ['X-A: a\x00b', 'Content-Length: 2'], 'ok')),
  fail('a DEL in a field', reply('200 OK', ['X-A: a\x7fb', 'Content-Length: 2'], 'ok')),
  fail('a bare CR in a field', reply('200 OK', ['X-A: a\rSet-Cookie: b', 'Content-Length: 2'], 'ok')),
  fail('a folded field', reply('200 OK', ['X-A: a', ' b', 'Content-Length: 2'], 'ok')),
  fail('a folded length', reply('200 OK', ['Content-Length:', ' 2'], 'ok')),
  fail('a space before the colon', reply('200 OK', ['Content-Length : 2'], 'ok')),
  fail('no colon', reply('200 OK', ['broken', 'Content-Length: 2'], 'ok')),
  fail('no name', reply('200 OK', [': 1', 'Content-Length: 2'], 'ok')),
  fail('a space in a name', reply('200 OK', ['X A: 1', 'Content-Length: 2'], 'ok')),
  fail('bare LF for every line end', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'),
  fail('one bare LF', 'HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok'),
  fail('bare LF at the end of the head', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok'),
  fail('an empty line first', `\r\n${OK}`),
  fail('another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'),
  fail('HTTP/2', 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  fail('HTTP/1.2', 'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  fail('HTTP/0.9', '<html>ok</html>\r\n\r\n'),
  fail('ICY', 'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  fail('the version in lower case', 'http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  fail('a field of 70 KiB', reply('200 OK', [`X-Long: ${'x'.repeat(70 * 1024)}`, 'Content-Length: 2'], 'ok')),
  fail(
    'two thousand fields',
    reply('200 OK', [...Array.from({ length: 2_000 }, (_, i) => `X-${i}: 1`), 'Content-Length: 2'], 'ok'),
  ),
  fail('thirty interim replies', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(30) + OK),
  fail('a broken field in an interim reply', `HTTP/1.1 103 Early Hints\r\nbroken\r\n\r\n${OK}`),
];

const cut: readonly Unnumbered[] = [
  fail('closed without a byte', [CLOSE]),
  fail('reset without a byte', [RESET]),
  fail('closed in the status line', ['HTTP/1.1 20', 10, CLOSE]),
  fail('closed in the head', ['HTTP/1.1 200 OK\r\nContent-Le', 10, CLOSE]),
  fail('only an interim reply', ['HTTP/1.1 100 Continue\r\n\r\n', 10, CLOSE]),
  fail('closed in a body with a length', [reply('200 OK', ['Content-Length: 10'], 'half'), 20, CLOSE]),
  fail('reset in a body with a length', [reply('200 OK', ['Content-Length: 10'], 'half'), 20, RESET]),
  fail('closed in a chunk', [reply('200 OK', [CHUNKED], '10\r\nhalf'), 20, CLOSE]),
  fail('closed between chunks', [reply('200 OK', [CHUNKED], '4\r\nhalf\r\n'), 20, CLOSE]),
  fail('closed before the last line end', [reply('200 OK', [CHUNKED], '4\r\nhalf\r\n0\r\n'), 20, CLOSE]),
  fail('reset in a body without a length', [reply('200 OK', [], 'half'), 20, RESET]),
  fail('closed in 200 KB of body', [reply('200 OK', ['Content-Length: 400000'], 'x'.repeat(200_000)), 20, CLOSE]),
  fail('to a POST, without a byte', [CLOSE], { request: { method: 'POST', body: 5 } }),
  fail('never a byte', []),
  fail('never the rest of the head', ['HTTP/1.1 200 OK\r\nX-A']),
  fail('never the rest of the body', [reply('200 OK', ['Content-Length: 10'], 'half')]),
  fail(
    'a head in drops',
    letters(reply('200 OK', ['X-A: 1', 'Content-Length: 2'], 'ok')).flatMap((letter) => [letter, 150]),
  ),
  fail('fields without an end', [
    'HTTP/1.1 200 OK\r\n',
    ...Array.from({ length: 2_000 }, (_, i) => [`X-${i}: ${'x'.repeat(60)}\r\n`, ...(i % 50 === 0 ? [5] : [])]).flat(),
  ]),
];

export const replies: readonly ReplyItem[] = [
  ...whole,
  ...extra,
  ...early,
  ...lengths,
  ...codings,
  ...chunks,
  ...heads,
  ...cut,
].map((item, i) => ({ id: `D${String(i + 1).padStart(2, '0')}`, ...item }));
