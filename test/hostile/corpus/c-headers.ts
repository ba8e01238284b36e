import type { Passage, RequestItem } from '../item.ts';
import { CANARY, request } from './requests.ts';

/* Class C: what do the header fields say? Broken ones are refused; lies about who the caller is stay behind. */

const get = (id: string, fields: readonly string[]): string => request(`GET /api/${id}`, fields);
/** A request whose own Host field, or lack of one, is the matter. */
const hosts = (id: string, lines: readonly string[]): string =>
  `GET /api/${id} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

type Unnumbered = (id: string) => Omit<RequestItem, 'id'>;
const refuseHost =
  (about: string, ...lines: string[]): Unnumbered =>
  (id) => ({ about: `Host: ${about}`, send: [hosts(id, lines)], fate: 'refuse' });
const refuse =
  (about: string, fields: readonly string[], status?: number): Unnumbered =>
  (id) => ({ about, send: [get(id, fields)], fate: 'refuse', ...(status !== undefined && { status }) });
const pass =
  (about: string, fields: readonly string[], sees: Omit<Passage, 'method' | 'target'> = {}): Unnumbered =>
  (id) => ({ about, send: [get(id, fields)], fate: [{ method: 'GET', target: `/api/${id}`, ...sees }] });

const host: readonly Unnumbered[] = [
  refuseHost('none'),
  refuseHost('the same one twice', 'Host: proxy', 'Host: proxy'),
  refuseHost('two', 'Host: proxy', 'Host: evil.example'),
  refuseHost('two, the names in different case', 'Host: proxy', 'hOST: evil.example'),
  refuseHost('empty', 'Host:'),
  refuseHost('two words', 'Host: proxy evil.example'),
  refuseHost('a list', 'Host: proxy, evil.example'),
  refuseHost('a slash', 'Host: proxy/x'),
  refuseHost('a user part', 'Host: user@proxy'),
  refuseHost('a scheme', 'Host: http://proxy'),
  refuseHost('a port of letters', 'Host: proxy:http'),
  refuseHost('a port of six digits', 'Host: proxy:123456'),
  refuseHost('a port and nothing before it', 'Host: :80'),
  refuseHost('a broken bracket', 'Host: [::1'),
  refuseHost('raw latin-1', 'Host: pr\xf6xy'),
  refuseHost('a tab inside', 'Host: pro\txy'),
  refuseHost('a NUL', 'Host: proxy\x00.example'),
  refuseHost('a backslash', 'Host: proxy\\x'),
  refuseHost('a question mark', 'Host: proxy?x'),
  refuseHost('a fragment', 'Host: proxy#x'),
  refuseHost('a space before the colon', 'Host : proxy'),
  refuseHost('folded', 'Host: proxy', ' .example'),
  refuseHost('on a line that begins with a space', ' Host: proxy'),
];

const broken: readonly Unnumbered[] = [
  refuse('a space inside a name', ['X A: 1']),
  refuse('no name', [': 1']),
  refuse('a bracket in a name', ['X(A): 1']),
  refuse('a NUL in a name', ['X\x00A: 1']),
  refuse('latin-1 in a name', ['X-\xe9: 1']),
  refuse('a space before the colon', ['X-A : 1']),
  refuse('a tab before the colon', ['X-A\t: 1']),
  refuse('no colon', ['X-A']),
  refuse('a folded line', ['X-A: 1', ' 2']),
  refuse('a line folded with a tab', ['X-A: 1', '\t2']),
  refuse('a NUL in a value', ['X-A: a\x00b']),
  refuse('0x01 in a value', ['X-A: a\x01b']),
  refuse('a backspace in a value', ['X-A: a\x08b']),
  refuse('an escape in a value', ['X-A: a\x1bb']),
  refuse('a DEL in a value', ['X-A: a\x7fb']),
  refuse('a bare CR in a value', ['X-A: a\rb']),
  refuse('a bare LF in a value', ['X-A: a\nX-B: b']),
  refuse('a vertical tab in a value', ['X-A: a\x0bb']),
  refuse(
    '101 fields',
    Array.from({ length: 100 }, (_, i) => `X-${i}: 1`),
    431,
  ),
  refuse(
    '2,100 fields',
    Array.from({ length: 2_100 }, () => 'X: 1'),
    431,
  ),
  refuse('one field of 17 KiB', [`X-Long: ${'x'.repeat(17 * 1024)}`], 431),
  refuse(
    '17 KiB in fields of 1 KiB',
    Array.from({ length: 17 }, (_, i) => `X-${i}: ${'x'.repeat(1_020)}`),
    431,
  ),
  refuse('a name of 17 KiB', [`${'x'.repeat(17 * 1024)}: 1`], 431),
  refuse('an expectation nobody knows', ['Expect: 200-ok'], 417),
  refuse('two expectations', ['Expect: 100-continue, 200-ok'], 417),
  refuse('a Via that names this very process', ['Via: 1.1 {self}'], 508),
  refuse('a Via that names it among others', ['Via: 1.0 fred, 1.1 {self}, 1.1 nginx'], 508),
  refuse('a Via that names it in a second field', ['Via: 1.1 nginx', 'Via: 1.1 {self}'], 508),
];

const OWN = ['proxy-authorization', 'x-tokenward-key', 'authorizationjwt', 'refresh', 'x-auth-probe'];
const SPOOFS = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-forwarded-client-cert',
  'forwarded',
  'x-real-ip',
];
const passing: readonly Unnumbered[] = [
  pass("Authorization of the caller's own", [`Authorization: Bearer ${CANARY}`], { lacks: OWN }),
  pass('the same in odd case', [`aUTHORIZATION: Bearer ${CANARY}`], { lacks: OWN }),
  pass('the same twice', [`Authorization: Bearer ${CANARY}`, `Authorization: Basic ${CANARY}`], { lacks: OWN }),
  pass('X-Api-Key, where no caller has a key', ['X-Api-Key: usage-plan-1'], {
    has: [['X-Api-Key', 'usage-plan-1']],
    lacks: OWN,
  }),
  pass('X_API_KEY, likewise', ['X_API_KEY: usage-plan-1'], { has: [['X_API_KEY', 'usage-plan-1']], lacks: OWN }),
  pass('Proxy-Authorization', [`Proxy-Authorization: Basic ${CANARY}`], { lacks: OWN }),
  pass('Proxy_Authorization', [`Proxy_Authorization: Basic ${CANARY}`], { lacks: OWN }),
  pass('AuthorizationJWT', [`AuthorizationJWT: Bearer ${CANARY}`], { lacks: OWN }),
  pass('Refresh', [`Refresh: ${CANARY}`], { lacks: OWN }),
  pass('X-Tokenward-Key', [`x-tokenward-key: ${CANARY}`], { lacks: OWN }),
  pass('x_tokenward_key', [`x_tokenward_key: ${CANARY}`], { lacks: OWN }),
  pass('Connection names our Authorization', ['Connection: keep-alive, Authorization']),
  pass('Connection names Host, Via and Content-Length', ['Connection: Host, Via, Content-Length']),
  pass("Connection names a field of the caller's", ['Connection: X-Secret', 'X-Secret: 1', 'X-Kept: 2'], {
    has: [['X-Kept', '2']],
    lacks: ['x-secret'],
  }),
  pass(
    'Connection names a field in two lists and odd case',
    ['Connection: keep-alive', 'connection: ,x-SECRET ,', 'X-Secret: 1'],
    { lacks: ['x-secret'] },
  ),
  pass('hop-by-hop fields', ['Keep-Alive: timeout=600', 'Proxy-Connection: keep-alive', 'TE: trailers, deflate'], {
    lacks: ['keep-alive', 'proxy-connection', 'te'],
  }),
  pass('a Trailer field without trailers', ['Trailer: X-Sum'], { lacks: ['trailer'] }),
  pass(
    'every X-Forwarded field',
    SPOOFS.map((name) => `${name}: 10.0.0.1`),
    { lacks: SPOOFS },
  ),
  pass(
    'the same with underscores',
    SPOOFS.map((name) => `${name.replaceAll('-', '_').toUpperCase()}: 10.0.0.1`),
    { lacks: SPOOFS },
  ),
  pass('a Via of others', ['Via: 1.0 fred, 1.1 nginx']),
  pass(
    'exactly 100 fields',
    Array.from({ length: 99 }, (_, i) => `X-${i}: 1`),
    { has: [['X-98', '1']] },
  ),
  pass(
    'one name many times',
    Array.from({ length: 50 }, (_, i) => `X-Same: ${i}`),
    {
      has: [
        ['X-Same', '0'],
        ['X-Same', '49'],
      ],
    },
  ),
  pass('cookies', ['Cookie: a=1; b="2"', 'Cookie: c=3'], {
    has: [
      ['Cookie', 'a=1; b="2"'],
      ['Cookie', 'c=3'],
    ],
  }),
  pass(
    'fields that say another method or target',
    [
      'X-HTTP-Method-Override: DELETE',
      'X_HTTP_METHOD: DELETE',
      'X-Original-URL: /admin',
      'X-Rewrite-URL: /admin',
      'x-envoy-original-path: /admin',
    ],
    { lacks: ['x-http-method-override', 'x_http_method', 'x-original-url', 'x-rewrite-url', 'x-envoy-original-path'] },
  ),
  (id) => ({
    about: 'Expect: 100-continue',
    send: [request(`POST /api/${id}`, ['Content-Length: 5', 'Expect: 100-continue']), 50, 'hello'],
    fate: [{ method: 'POST', target: `/api/${id}`, body: 'hello', lacks: ['expect'] }],
  }),
  (id) => ({
    about: 'Expect: 100-continue without waiting for it',
    send: [request(`POST /api/${id}`, ['Content-Length: 5', 'Expect: 100-CONTINUE'], 'hello')],
    fate: [{ method: 'POST', target: `/api/${id}`, body: 'hello', lacks: ['expect'] }],
  }),
];

export const headers: readonly RequestItem[] = [...host, ...broken, ...passing].map((make, i) => {
  const id = `C${String(i + 1).padStart(2, '0')}`;
  return { id, ...make(id) };
});
