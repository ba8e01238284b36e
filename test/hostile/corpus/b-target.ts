import type { RequestItem } from '../item.ts';
import { request } from './requests.ts';

/* Class B: where does a request lead? Paths that two readers resolve differently, other forms of target, odd methods. */

const targets: readonly (readonly [target: string, about: string])[] = [
  ['/api/../x', 'dot segments'], ['/api/./x', 'a single dot'], ['/api/..', 'two dots at the end'], ['/api/.', 'a dot at the end'], ['/api/a/../../etc', 'out of the prefix'],
  ['/../api/x', 'dots before the prefix'], ['/./api/x', 'a dot before the prefix'], ['/api/a/..?q=1', 'dots before a query'], ['/api//..//x', 'dots between double slashes'],
  ['/api/%2e%2e/x', 'encoded dots'], ['/api/%2E./x', 'half encoded'], ['/api/.%2e/x', 'the other half'], ['/api/%2e/x', 'one encoded dot'], ['/api/x%2e%2e', 'encoded dots in a name'],
  ['/api/..;/x', 'dots with an empty parameter'], ['/api/..;a=b/x', 'dots with a parameter'], ['/api/.;/x', 'a dot with a parameter'],
  ['/api%2fx', 'an encoded slash for the prefix\'s'], ['/api/a%2Fb', 'an encoded slash'], ['/api/%2f%2fevil.example', 'two encoded slashes'], ['/api/..%2fx', 'dots and an encoded slash'],
  ['/api/a%5cb', 'an encoded backslash'], ['/api/..%5Cx', 'dots and an encoded backslash'], ['/api\\x', 'a backslash for the slash'], ['/api/a\\..\\b', 'dots between backslashes'], ['\\api\\x', 'backslashes all through'],
  ['/api/%00', 'an encoded NUL'], ['/api/a%00.json', 'an encoded NUL inside'], ['/api/%0a', 'an encoded LF'], ['/api/%0d%0aX-A:%201', 'an encoded line end'], ['/api/%09', 'an encoded tab'], ['/api/%7f', 'an encoded DEL'], ['/api/%1F', 'an encoded control byte'],
  ['/api/%', 'a lone percent'], ['/api/%4', 'one digit'], ['/api/%zz', 'no digits'], ['/api/%u002f', 'the %u form'], ['/api/%%32%66', 'two percents'],
  ['/api/%252e%252e/x', 'dots encoded twice'], ['/api/%25252e%25252e/x', 'dots encoded three times'],
  ['/api/a%252fb', 'a slash encoded twice'], ['/api/a%255cb', 'a backslash encoded twice'],
  ['/api/%25%32%65%25%32%65/x', 'dots encoded twice, digit by digit'],
  ['/api/a%2500', 'a NUL encoded twice'], ['/api/a%250d%250ab', 'a line end encoded twice'],
  [`/api/a%25${'25'.repeat(40)}2e`, 'a dot encoded forty times'],
  ['/api/%c0%ae%c0%ae/x', 'overlong dots'], ['/api/a%c0%afb', 'an overlong slash'],
  ['/api/a%c1%9cb', 'an overlong backslash'], ['/api/%e0%80%ae%e0%80%ae/x', 'dots in three bytes'],
  ['/api/a%f0%80%80%afb', 'a slash in four bytes'], ['/api/%25c0%25ae/x', 'an overlong dot, encoded twice'],
  ['/api/%c0%25ae/x', 'an overlong dot, half of it encoded twice'],
  ['/api/\xc0\xae\xc0\xae/x', 'overlong dots as raw bytes'], ['/api/a\xc0%afb', 'an overlong slash, half of it raw'],
  ['/\xe1pi/x', 'a raw byte in the prefix'],
  ['/bare//evil.example/x', 'two slashes behind the prefix, and no path of the upstream\'s before them'],
  ['/bare///x', 'three slashes behind the prefix'], ['/bare//', 'two slashes and nothing'],
  ...Array.from('|^[]{}"<>`', (letter): readonly [string, string] => [`/api/a${letter}b`, `a raw ${letter} in the path`]),
  ['/api/a\tb', 'a tab'], ['/api/a b', 'a space'], ['/api/a\x00b', 'a NUL'], ['/api/a\x7fb', 'a DEL'], ['/api/a\rb', 'a CR'], ['/api/a\nb', 'an LF'],
  ['//api/x', 'two slashes at the start'], ['//evil.example/api/x', 'a network path'], ['///api/x', 'three slashes'], ['/\\evil.example/api/x', 'slash and backslash'],
  ['http://proxy:81/api/x', 'absolute form, another port'], ['https://proxy/api/x', 'absolute form, another scheme'],
  ['http://user@proxy/api/x', 'absolute form with a user'],
  ['http://proxy@evil.example/api/x', 'absolute form, our name for the user'],
  ['http://proxy/api/../x', 'absolute form with dots'], ['http://proxy//api/x', 'absolute form with two slashes'],
  ['http:///api/x', 'absolute form without a host'],
  ['http://evil.example/api/x', 'absolute form, another host'], ['HTTPS://evil.example/api/x', 'absolute form with TLS'], ['file:///api/x', 'another scheme'],
  ['proxy:80', 'authority form'], ['*', 'asterisk form'], ['api/x', 'no slash at the start'], ['?x', 'a query alone'], ['@evil.example/api/x', 'a user part'], ['', 'nothing'],
  ['/apiX/x', 'a longer first segment'], ['/api-x', 'the prefix and a dash'], ['/api.', 'the prefix and a dot'], ['/API/x', 'another case'], ['/Api/x', 'one letter of another case'], ['/ap%69/x', 'an encoded letter in the prefix'],
  ['/api;x/y', 'a parameter behind the prefix'], ['/api%3bx/y', 'an encoded parameter behind the prefix'], ['/ap', 'a shorter path'], ['/', 'the root'], ['/favicon.ico', 'no route at all'],
  ['/api/x#y', 'a fragment'], ['/api/x?y#z', 'a fragment behind a query'],
  [`/api/${'x'.repeat(8_200)}`, 'a path beyond 8 KiB'], [`/api/x?${'y'.repeat(8_200)}`, 'a query beyond 8 KiB'],
];

const methods: readonly (readonly [method: string, about: string])[] = [
  ['TRACE', 'TRACE'], ['CONNECT', 'CONNECT with a path'], ['PROPFIND', 'WebDAV'], ['PURGE', 'a cache\'s method'], ['QUERY', 'a method of its own RFC'], ['FOO', 'an unknown method'],
  ['get', 'lower case'], ['Get', 'mixed case'], ['GET\x00', 'a NUL behind it'], ['G\tET', 'a tab inside'], ['', 'no method'], ['LINK', 'LINK'], ['M-SEARCH', 'M-SEARCH'], ['X'.repeat(5_000), 'five thousand letters'],
];

const lines: readonly (readonly [line: string, about: string])[] = [
  ['GET /api/B-line HTTP/1.1 ', 'a space behind the version'], ['GET /api/B-line http/1.1', 'the version in lower case'], ['GET /api/B-line HTTP/1.10', 'HTTP/1.10'], ['GET /api/B-line HTTP/11', 'HTTP/11'],
  ['GET /api/B-line HTTP/2.0', 'HTTP/2.0'], ['GET /api/B-line HTTP/1.2', 'HTTP/1.2'], ['GET /api/B-line HTTP/0.9', 'HTTP/0.9 in words'], ['GET /api/B-line HTTP/1.1 HTTP/1.1', 'two versions'],
  [' GET /api/B-line HTTP/1.1', 'a space at the start'], ['GET\t/api/B-line\tHTTP/1.1', 'tabs for spaces'], ['GET /api/B-line\xa0HTTP/1.1', 'a no-break space for a space'],
  ['GET /api/B-line HTTP/1.1\xff', 'a raw byte behind the version'], ['G\xc9T /api/B-line HTTP/1.1', 'a raw byte in the method'],
  ['GET /api/B-line\x0bHTTP/1.1', 'a vertical tab for a space'], ['GET /api/B-line HTTQ/1.1', 'another protocol'],
];

const number = (i: number): string => `B${String(i + 1).padStart(2, '0')}`;

export const target: readonly RequestItem[] = [
  ...targets.map(([to, about]): Omit<RequestItem, 'id'> => ({ about, send: [request(`GET ${to}`)], fate: 'refuse' })),
  { about: 'CONNECT to another host', send: ['CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n'], fate: 'refuse' } as const,
  { about: 'OPTIONS * about the server as a whole', send: [request('OPTIONS *')], fate: 'refuse' } as const,
  {
    about: 'absolute form, another host in Host',
    send: ['GET http://proxy/api/x HTTP/1.1\r\nHost: evil.example\r\n\r\n'], fate: 'refuse',
  } as const,
  {
    about: 'absolute form, another host in both',
    send: ['GET http://evil.example/api/x HTTP/1.1\r\nHost: evil.example\r\n\r\n'], fate: 'refuse',
  } as const,
  { about: 'absolute form and no Host', send: ['GET http://proxy/api/x HTTP/1.1\r\n\r\n'], fate: 'refuse' } as const,
  { about: 'OPTIONS about the server as a whole, as a URL', send: [request('OPTIONS http://proxy')], fate: 'refuse' } as const,
  ...methods.map(([method, about]): Omit<RequestItem, 'id'> => ({ about: `method: ${about}`, send: [request(`${method} /api/B-method`)], fate: 'refuse' })),
  ...lines.map(([line, about]): Omit<RequestItem, 'id'> => ({ about: `request line: ${about}`, send: [`${line}\r\nHost: proxy\r\n\r\n`], fate: 'refuse' })),
  // RFC 9112 §3 lets a reader be lenient here, and Node's is; what goes on has one space, so nobody can be misled.
  { about: 'request line: two spaces', send: ['GET  /api/B-line HTTP/1.1\r\nHost: proxy\r\n\r\n'], fate: [{ method: 'GET', target: '/api/B-line' }] } as const,
].map((item, i) => ({ id: number(i), ...item }));
