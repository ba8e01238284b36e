import { gzipSync } from 'node:zlib';
import type { TokenItem } from '../item.ts';
import { bytesOf, CLOSE, letters, RESET, type Pieces } from '../pieces.ts';

/*
 * Class F: a token endpoint that answers nonsense. Nothing of it may reach an upstream's header, nor cost a good
 * token.
 */

type Unnumbered = Omit<TokenItem, 'id'>;
const json = (
  body: string | Buffer,
  status = '200 OK',
  fields: readonly string[] = ['Content-Type: application/json'],
): Pieces => {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  return [
    bytesOf(
      `HTTP/1.1 ${status}\r\n${fields.map((field) => `${field}\r\n`).join('')}Content-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`,
    ),
    bytes,
    CLOSE,
  ];
};
const grant = (more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ access_token: 'good-token', token_type: 'Bearer', expires_in: 3600, ...more });
/** JSON whose numbers are written by hand. */
const lifetime = (text: string): string => `{"access_token":"good-token","expires_in":${text}}`;

const granted = (about: string, reply: Pieces, token = 'good-token'): Unnumbered => ({
  about,
  call: 'login',
  reply,
  fate: 'granted',
  token,
});
const failed = (about: string, reply: Pieces): Unnumbered => ({ about, call: 'login', reply, fate: 'failed' });
const waits = (about: string, reply: Pieces): Unnumbered => ({ about, call: 'login', reply, fate: 'waits' });
const refused = (about: string, reply: Pieces): Unnumbered => ({ about, call: 'login', reply, fate: 'refused' });
const badToken = (about: string, token: unknown): Unnumbered =>
  failed(`token: ${about}`, json(grant({ access_token: token })));
/** The refresh gets this reply; the token after it, and the refresh token that is to be spent next. */
const refreshed = (about: string, body: string, nextRefresh: string): Unnumbered => ({
  about: `refresh: ${about}`,
  call: 'refresh',
  reply: json(body),
  fate: 'granted',
  token: 'good-token',
  nextRefresh,
});
const onRefresh = (about: string, fate: TokenItem['fate'], reply: Pieces): Unnumbered => ({
  about: `refresh: ${about}`,
  call: 'refresh',
  reply,
  fate,
});
const LONG = 'x'.repeat(16_384);

const logins: readonly Unnumbered[] = [
  granted('as it should be', json(grant())),
  granted('no lifetime', json('{"access_token":"good-token"}')),
  granted('lifetime "3600"', json(lifetime('"3600"'))),
  granted('lifetime 3600.5', json(lifetime('3600.5'))),
  granted('lifetime 0', json(lifetime('0'))),
  granted('lifetime -1', json(lifetime('-1'))),
  granted('lifetime 1e12', json(lifetime('1e12'))),
  granted('lifetime 1e400', json(lifetime('1e400'))),
  granted('lifetime null', json(lifetime('null'))),
  granted('lifetime "soon"', json(lifetime('"soon"'))),
  granted('lifetime a list', json(lifetime('[3600]'))),
  granted('lifetime ""', json(lifetime('""'))),
  granted('a token of 16 KiB', json(grant({ access_token: LONG })), LONG),
  granted(
    'every visible byte',
    json(grant({ access_token: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~' })),
    '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
  ),
  granted('one key twice: the last one', json('{"access_token":"first","access_token":"good-token"}')),
  granted('a byte order mark', json(`\ufeff${grant()}`)),
  granted('201', json(grant(), '201 Created')),
  granted('labelled text/html', json(grant(), '200 OK', ['Content-Type: text/html'])),
  granted('in chunks', [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    `${grant().length.toString(16)}\r\n`,
    20,
    `${grant()}\r\n0\r\n\r\n`,
  ]),
  granted('until the connection closes', [`HTTP/1.1 200 OK\r\n\r\n${grant()}`, CLOSE]),
  granted('100 Continue before it', ['HTTP/1.1 100 Continue\r\n\r\n', ...json(grant())]),
  granted('a date of last year', json(grant(), '200 OK', ['Date: Mon, 01 Jan 2024 00:00:00 GMT'])),
  granted('__proto__ beside it', json('{"__proto__":{"access_token":"evil"},"access_token":"good-token"}')),
  badToken('CR LF and a field', 'good\r\nX-Evil: 1'),
  badToken('a line feed at the end', 'good\n'),
  badToken('a space', 'good token'),
  badToken('a tab', 'good\ttoken'),
  badToken('a NUL', 'good\0token'),
  badToken('17 KiB', 'x'.repeat(17 * 1024)),
  badToken('a number', 12345),
  badToken('null', null),
  badToken('a list', ['good-token']),
  badToken('an object', { token: 'good-token' }),
  badToken('true', true),
  badToken('empty', ''),
  badToken('Cyrillic', 'тoken'),
  badToken('an emoji', 'token\u{1f600}'),
  badToken('missing', undefined),
  failed('by way of __proto__', json('{"__proto__":{"access_token":"evil-token"}}')),
  failed('HTML in a 200', json('<html>Please log in</html>', '200 OK', ['Content-Type: text/html'])),
  failed('an empty 200', json('')),
  failed('204', ['HTTP/1.1 204 No Content\r\n\r\n', CLOSE]),
  failed('null', json('null')),
  failed('a text', json('"good-token"')),
  failed('a list', json(`[${grant()}]`)),
  failed("an error in a 200 that is not the protocol's", json('{"error":"access_denied"}')),
  refused('an error of the protocol in a 200', json('{"error":"invalid_client"}')),
  failed('JSON cut short', json(grant().slice(0, -3))),
  failed('something behind it', json(`${grant()}x`)),
  granted('gzip', json(gzipSync(grant()), '200 OK', ['Content-Encoding: gzip'])),
  failed('gzip cut short', json(gzipSync(grant()).subarray(0, -9), '200 OK', ['Content-Encoding: gzip'])),
  failed(
    'a small gzip of 2 MiB',
    json(gzipSync(`${grant().slice(0, -1)},"pad":"${'x'.repeat(2 * 1024 * 1024)}"}`), '200 OK', [
      'Content-Encoding: gzip',
    ]),
  ),
  failed('latin-1 in the token', json(bytesOf('{"access_token":"t\xf6ken"}'))),
  granted('UTF-16', json(Buffer.from(grant(), 'utf16le'))),
  failed('2 MiB', json(`${grant().slice(0, -1)},"pad":"${'x'.repeat(2 * 1024 * 1024)}"}`)),
  failed('ten thousand levels', json(`${'['.repeat(10_000)}${']'.repeat(10_000)}`)),
  failed('a redirect to another host', json('', '302 Found', ['Location: http://127.0.0.1:{port}/elsewhere'])),
  failed('307 to itself', json('', '307 Temporary Redirect', ['Location: {self}'])),
  failed('500', json('{"error":"server_error"}', '500 Oops')),
  waits('503 with Retry-After', json('', '503 Busy', ['Retry-After: 7'])),
  waits('429', json('', '429 Too Many', ['Retry-After: 3'])),
  failed('404', json('', '404 Not Found')),
  failed('418', json('', '418 Teapot')),
  failed('closed without a byte', [CLOSE]),
  failed('reset without a byte', [RESET]),
  failed('cut in the body', [`HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n${grant()}`, 20, CLOSE]),
  failed('no HTTP', ['hello\r\n\r\n', CLOSE]),
  failed('length and chunks', [
    `HTTP/1.1 200 OK\r\nContent-Length: ${grant().length}\r\nTransfer-Encoding: chunked\r\n\r\n${grant()}`,
    CLOSE,
  ]),
  failed('a head of 200 KiB', [
    `HTTP/1.1 200 OK\r\n${`X-Long: ${'x'.repeat(1_000)}\r\n`.repeat(200)}Content-Length: 0\r\n\r\n`,
    CLOSE,
  ]),
  waits('one byte a second', [
    `HTTP/1.1 200 OK\r\nContent-Length: ${grant().length}\r\n\r\n`,
    ...letters(grant())
      .slice(0, 17)
      .flatMap((letter) => [letter, 1_000]),
  ]),
  waits('never a byte', []),
  refused('400', json('{"error":"invalid_client"}', '400 Bad Request')),
  refused('401', json('{"error":"invalid_client"}', '401 Unauthorized')),
  failed('403 in HTML', json('<h1>no</h1>', '403 Forbidden')),
  failed('401 with a token in it', json(grant(), '401 Unauthorized')),
  failed('422 and nothing', json('', '422 Odd')),
  failed(
    'a throttle with status 400',
    json('{"error":"Access Denied","error_description":"too many requests"}', '400 Bad Request'),
  ),
  failed('temporarily_unavailable', json('{"error":"temporarily_unavailable"}', '400 Bad Request')),
  failed('a token for DPoP', json(grant({ token_type: 'DPoP' }))),
];

const refreshes: readonly Unnumbered[] = [
  refreshed('a new refresh token', grant({ refresh_token: 'second-refresh' }), 'second-refresh'),
  refreshed('the same refresh token', grant({ refresh_token: 'first-refresh' }), 'first-refresh'),
  refreshed('no refresh token', grant(), 'first-refresh'),
  refreshed('an empty refresh token', grant({ refresh_token: '' }), 'first-refresh'),
  refreshed('a refresh token of null', grant({ refresh_token: null }), 'first-refresh'),
  refreshed('a refresh token with a line end', grant({ refresh_token: 'a\r\nb' }), 'first-refresh'),
  refreshed('a refresh token that is a number', grant({ refresh_token: 7 }), 'first-refresh'),
  refreshed('a refresh token of 17 KiB', grant({ refresh_token: 'x'.repeat(17 * 1024) }), 'first-refresh'),
  onRefresh('refused', 'refused', json('{"error":"invalid_grant"}', '400 Bad Request')),
  onRefresh('401 and nothing', 'failed', json('', '401 Unauthorized')),
  onRefresh('an error in a 200', 'refused', json('{"error":"invalid_grant"}')),
  onRefresh('HTML in a 200', 'failed', json('<html></html>')),
  onRefresh('a token with a line end', 'failed', json(grant({ access_token: 'a\r\nX: 1' }))),
  onRefresh('500', 'failed', json('', '500 Oops')),
  onRefresh('closed without a byte', 'failed', [CLOSE]),
  onRefresh('a redirect', 'failed', json('', '301 Moved', ['Location: /elsewhere'])),
];

export const tokenEndpoint: readonly TokenItem[] = [...logins, ...refreshes].map((item, i) => ({
  id: `F${String(i + 1).padStart(2, '0')}`,
  ...item,
}));
