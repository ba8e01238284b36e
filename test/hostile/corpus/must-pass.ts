import type { Passage, RequestItem } from '../item.ts';
import { letters } from '../pieces.ts';
import { request } from './requests.ts';

/* What is legal and happens, and must go through as it is: the guard against blocking too much. */

type Unnumbered = (id: string) => Omit<RequestItem, 'id'>;
/** `path` begins behind the item's own first segment. */
const path =
  (about: string, rest: string): Unnumbered =>
  (id) => ({ about, send: [request(`GET /api/${id}${rest}`)], fate: [{ method: 'GET', target: `/api/${id}${rest}` }] });
const send =
  (
    about: string,
    method: string,
    fields: readonly string[],
    body: string,
    sees: Omit<Passage, 'method' | 'target'>,
    rest = '',
  ): Unnumbered =>
  (id) => ({
    about,
    send: [request(`${method} /api/${id}${rest}`, fields, body)],
    fate: [{ method, target: `/api/${id}${rest}`, ...sees }],
  });
const raw =
  (about: string, text: (id: string) => string, sees: Partial<Passage> = {}): Unnumbered =>
  (id) => ({ about, send: [text(id)], fate: [{ method: 'GET', target: `/api/${id}`, ...sees }] });

const FORM = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n\x00\x01\xff\r\n--x--\r\n';

/** Letters as old clients send them, and what the upstream gets for them. */
const RAW = [
  ['UTF-8', '\xd0\x98\xd0\xb2', '%D0%98%D0%B2'],
  ['windows-1251', '\xc8\xe2', '%C8%E2'],
  ['no text', '\xff\xfe', '%FF%FE'],
] as const;

const items: readonly Unnumbered[] = [
  path('@ and : in the path', '/chats/79001234567@c.us:1/messages'),
  path('brackets in the query', '?filter[status]=new&filter[id][]=7'),
  path('encoded brackets', '?filter%5Bstatus%5D=new'),
  path('an encoded slash in the query', '?next=%2Fa%2F..%2Fb'),
  path('dots in the query', '?file=../../x'),
  path('a URL in the query', '?url=https://example.com/a?b=c'),
  path('quotes and pipes in the query', '?q="a|b"&r=\'c\'`'),
  path('braces in the query', '?q={"a":1}'),
  path('double slashes behind the prefix', '//a//b'),
  path('a slash at the end', '/'),
  path('three dots', '/.../x'),
  path('names that begin with a dot', '/.well-known/..hidden/a..b'),
  path('parameters', '/a;v=1/b;w'),
  path('encoded spaces', '/a%20b?c=d%20e+f'),
  path('encoded UTF-8', '/%D0%9F%D1%80%D0%B8?q=%D0%B2'),
  path('an encoded percent', '/100%25'),
  path('an encoded question mark and hash', '/a%3Fb%23c'),
  path('sub-delimiters', "/a!$&'()*+,;=b~_-."),
  path('a question mark and nothing behind it', '?'),
  path('question marks in the query', '?a?b?c'),
  path('4 KiB of path', `/${'x'.repeat(4_000)}`),
  path('8,000 bytes of query', `?${'y'.repeat(8_000)}`),
  raw('the prefix alone', () => request('GET /api'), { target: '/api' }),
  raw('the prefix and a query', () => request('GET /api?a=1'), { target: '/api?a=1' }),
  send('HEAD', 'HEAD', [], '', {}),
  send('OPTIONS', 'OPTIONS', ['Origin: http://a.example', 'Access-Control-Request-Method: PUT'], '', {
    has: [['Origin', 'http://a.example']],
  }),
  send('DELETE with a body', 'DELETE', ['Content-Length: 8', 'Content-Type: application/json'], '{"id":7}', {
    body: '{"id":7}',
  }),
  send('PUT', 'PUT', ['Content-Length: 3'], 'abc', { body: 'abc' }),
  send('PATCH', 'PATCH', ['Content-Length: 2'], '{}', { body: '{}' }),
  send('POST without a body', 'POST', ['Content-Length: 0'], '', { body: '' }),
  send('POST without a length', 'POST', [], '', { body: '' }),
  send(
    'multipart with binary data',
    'POST',
    ['Content-Type: multipart/form-data; boundary=x', `Content-Length: ${FORM.length}`],
    FORM,
    { body: FORM, has: [['Content-Type', 'multipart/form-data; boundary=x']] },
  ),
  send('a chunked POST', 'POST', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n', {
    body: 'hello world',
  }),
  send('the coding in another case', 'POST', ['Transfer-Encoding: Chunked'], '5\r\nhello\r\n0\r\n\r\n', {
    body: 'hello',
  }),
  send('a tab before the coding', 'POST', ['Transfer-Encoding:\tchunked'], '5\r\nhello\r\n0\r\n\r\n', {
    body: 'hello',
  }),
  send('a length with leading zeros', 'POST', ['Content-Length: 005'], 'hello', { body: 'hello' }),
  send('a length with spaces around it', 'POST', ['Content-Length:   5  '], 'hello', { body: 'hello' }),
  send('field names in odd case', 'GET', ['x-lower: 1', 'X-UPPER: 2', 'x-MiXeD: 3'], '', {
    has: [
      ['x-lower', '1'],
      ['X-UPPER', '2'],
      ['x-MiXeD', '3'],
    ],
  }),
  send('names of every letter allowed', 'GET', ["X!#$%&'*+.^`|~: 1"], '', { has: [["X!#$%&'*+.^`|~", '1']] }),
  send('latin-1 in a value', 'GET', ['X-Name: caf\xe9'], '', { has: [['X-Name', 'caf\xe9']] }),
  send('UTF-8 in a value', 'GET', ['X-Name: caf\xc3\xa9'], '', { has: [['X-Name', 'caf\xc3\xa9']] }),
  send('a tab inside a value', 'GET', ['X-A: a\tb'], '', { has: [['X-A', 'a\tb']] }),
  send('an empty value', 'GET', ['X-Empty:'], '', { has: [['X-Empty', '']] }),
  send('no space behind the colon', 'GET', ['X-A:1'], '', { has: [['X-A', '1']] }),
  send('a value of 12 KiB', 'GET', [`X-Long: ${'x'.repeat(12 * 1024)}`], '', {
    has: [['X-Long', 'x'.repeat(12 * 1024)]],
  }),
  send('a range', 'GET', ['Range: bytes=0-9', 'If-Range: "a"'], '', { has: [['Range', 'bytes=0-9']] }),
  send('conditions', 'GET', ['If-None-Match: W/"a", "b"', 'If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT'], '', {
    has: [['If-None-Match', 'W/"a", "b"']],
  }),
  raw('an empty line before the request', (id) => `\r\n${request(`GET /api/${id}`)}`),
  raw('HTTP/1.0', (id) => `GET /api/${id} HTTP/1.0\r\nHost: proxy\r\n\r\n`),
  raw('HTTP/1.0 without Host', (id) => `GET /api/${id} HTTP/1.0\r\n\r\n`),
  raw('a Host with a port', (id) => `GET /api/${id} HTTP/1.1\r\nHost: proxy.example:8080\r\n\r\n`),
  raw('a Host that is an IPv6 address', (id) => `GET /api/${id} HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n`),
  raw('a Host with an underscore', (id) => `GET /api/${id} HTTP/1.1\r\nHost: legacy_app\r\n\r\n`),
  path('double slashes in its midst', '/a//b///c'),
  path('spaces and letters encoded twice', '/a%2520b/%2541'),
  path('encoded windows-1251', '/%C0%ED%ED%E0/%C1%E0%E7%E0'),
  path('structure encoded twice in the query', '?q=%252e%252e%252f%c0%ae'),
  ...RAW.flatMap(([what, bytes, encoded]): Unnumbered[] => [
    (id) => ({
      about: `raw bytes in the path: ${what}`,
      send: [request(`GET /api/${id}/${bytes}`)],
      fate: [{ method: 'GET', target: `/api/${id}/${encoded}` }],
    }),
    (id) => ({
      about: `raw bytes in the query: ${what}`,
      send: [request(`GET /api/${id}?q=${bytes}&a[]=1`)],
      fate: [{ method: 'GET', target: `/api/${id}?q=${encoded}&a[]=1` }],
    }),
  ]),
  (id) => ({
    about: 'raw bytes behind a chunked request',
    send: [
      request(`POST /api/${id}`, ['Transfer-Encoding: chunked'], '1\r\nx\r\n0\r\n\r\n'),
      30,
      request(`GET /api/${id}/\xe9`),
    ],
    fate: [
      { method: 'POST', target: `/api/${id}`, body: 'x' },
      { method: 'GET', target: `/api/${id}/%E9` },
    ],
  }),
  (id) => ({
    about: 'absolute form',
    send: [request(`GET http://proxy/api/${id}?a=b`)],
    fate: [{ method: 'GET', target: `/api/${id}?a=b` }],
  }),
  (id) => ({
    about: 'absolute form with a port, in another case',
    send: [`GET HTTP://Proxy.Example:8080/api/${id} HTTP/1.1\r\nHost: proxy.example:8080\r\n\r\n`],
    fate: [{ method: 'GET', target: `/api/${id}` }],
  }),
  (id) => ({
    about: 'a head in single bytes',
    send: letters(request(`GET /api/${id}`, ['X-A: 1'])).flatMap((letter, i) => (i % 8 === 0 ? [1, letter] : [letter])),
    fate: [{ method: 'GET', target: `/api/${id}`, has: [['X-A', '1']] }],
  }),
  (id) => ({
    about: 'a megabyte and a half of body',
    send: [request(`POST /api/${id}`, ['Content-Length: 1572864']), 'z'.repeat(1_572_864)],
    fate: [{ method: 'POST', target: `/api/${id}`, body: 'z'.repeat(1_572_864) }],
  }),
  (id) => ({
    about: 'ten requests in one write',
    send: [Array.from({ length: 10 }, (_, i) => request(`GET /api/${id}-${i}`)).join('')],
    fate: Array.from({ length: 10 }, (_, i) => ({ method: 'GET', target: `/api/${id}-${i}` })),
  }),
];

export const mustPass: readonly RequestItem[] = items.map((make, i) => {
  const id = `P${String(i + 1).padStart(2, '0')}`;
  return { id, ...make(id) };
});
