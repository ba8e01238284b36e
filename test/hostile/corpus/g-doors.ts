import type { Passage, RequestItem } from '../item.ts';
import { request } from './requests.ts';

/* Class G: who may come in at all where nobody is asked for a key, and what a policy may not be stepped over with. */

type Unnumbered = (id: string) => Omit<RequestItem, 'id'>;
const under = (id: string, host: string, fields: readonly string[], method = 'GET'): string =>
  `${method} /api/${id} HTTP/1.1\r\nHost: ${host}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
const shut =
  (about: string, host: string, fields: readonly string[] = [], method = 'GET'): Unnumbered =>
  (id) => ({ about, send: [under(id, host, fields, method)], fate: 'refuse', status: 403 });
const open =
  (about: string, host: string, fields: readonly string[] = []): Unnumbered =>
  (id) => ({ about, send: [under(id, host, fields)], fate: [{ method: 'GET', target: `/api/${id}` }] });

const hosts: readonly Unnumbered[] = [
  ...[
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    'proxy.evil.example',
    '127.0.0.1.evil.example',
    'notproxy',
    'proxy-',
    'localhost-',
    '0x7f.1',
    '2130706433',
    '127.1',
  ].map((host) => shut(`the name ${host}`, host)),
  ...[
    'localhost',
    'LocalHost:8080',
    'proxy',
    'PROXY',
    'proxy.',
    'proxy.example:1',
    '127.0.0.1',
    '127.0.0.1:65535',
    '[::1]',
    '[::1]:8080',
    '10.1.2.3',
  ].map((host) => open(`the name ${host}`, host)),
];

const EVIL = 'Origin: https://evil.example';
const sites: readonly Unnumbered[] = [
  shut('a page of another site', 'proxy', [EVIL]),
  shut('the same, posting', 'proxy', [EVIL, 'Content-Type: text/plain', 'Content-Length: 0'], 'POST'),
  shut('the same, asking first', 'proxy', [EVIL, 'Access-Control-Request-Method: PUT'], 'OPTIONS'),
  shut('a page without an origin of its own', 'proxy', ['Origin: null']),
  shut('an origin that is none', 'proxy', ['Origin: proxy']),
  shut('an empty origin', 'proxy', ['Origin:']),
  shut('another port of an address', '127.0.0.1:8080', ['Origin: http://127.0.0.1:3000']),
  shut('two origins, ours first', 'proxy', ['Origin: http://proxy', EVIL]),
  shut('two origins, ours last', 'proxy', [EVIL, 'Origin: http://proxy']),
  shut('the field in odd case', 'proxy', ['oRIGIN: https://evil.example']),
  shut('a user part before our name', 'proxy', ['Origin: http://proxy@evil.example']),
  shut('our name as a user part', 'proxy', ['Origin: https://evil.example/?proxy']),
  ...['cross-site', 'same-site', 'Cross-Site', 'cross-site, none', 'anything'].map((site) =>
    shut(`Sec-Fetch-Site: ${site}`, 'proxy', [`Sec-Fetch-Site: ${site}`]),
  ),
  shut('Sec-Fetch-Site twice', 'proxy', ['Sec-Fetch-Site: none', 'Sec-Fetch-Site: cross-site']),
  open('a page of a listed host, which is another site', 'proxy', [
    'Origin: http://proxy.example',
    'Sec-Fetch-Site: cross-site',
  ]),
  open('our own page', 'proxy', ['Origin: http://proxy', 'Sec-Fetch-Site: same-origin']),
  open("an address' own page", '127.0.0.1:8080', ['Origin: http://127.0.0.1:8080']),
  open('somebody at the keyboard', 'proxy', ['Sec-Fetch-Site: none']),
];

const OVERRIDES = [
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Method-Override',
  'X-Original-Method',
  'X_HTTP_METHOD_OVERRIDE',
  'x-http_method-override',
];
const TARGETS = ['X-Original-URL', 'X-Rewrite-URL', 'X-Envoy-Original-Path', 'X_Original_URL', 'x-original-uri'];
const dropped =
  (name: string, value: string): Unnumbered =>
  (id) => ({
    about: `${name}: ${value}, where a policy allows neither`,
    send: [request(`POST /api/ruled/order/${id}`, [`${name}: ${value}`, 'Content-Length: 2'], 'hi')],
    fate: [
      { method: 'POST', target: `/api/ruled/order/${id}`, body: 'hi', lacks: [name.toLowerCase()] } satisfies Passage,
    ],
  });
const denied =
  (path: string): Unnumbered =>
  (id) => ({ about: `a denied path, spelt ${path}`, send: [request(`GET /api/ruled${path}?${id}`)], fate: 'refuse' });
const policies: readonly Unnumbered[] = [
  ...OVERRIDES.map((name) => dropped(name, 'DELETE')),
  ...TARGETS.map((name) => dropped(name, '/admin/users')),
  ...[
    '/admin',
    '/admin/',
    '/admin/users',
    '/%61dmin',
    '/%2561dmin',
    '/order/../admin',
    '/order/%2e%2e/admin',
    '/./admin',
    '//admin',
    '/admin%2fusers',
    '/admin.',
    '/admin%20',
    '/admin.json',
    '/%EF%BD%81dmin',
    '/admin;x=1',
  ].map(denied),
  (id) => ({
    about: 'a method that is not allowed',
    send: [request(`DELETE /api/ruled/order/${id}`)],
    fate: 'refuse',
    status: 403,
  }),
];

export const doors: readonly RequestItem[] = [...hosts, ...sites, ...policies].map((make, i) => {
  const id = `G${String(i + 1).padStart(2, '0')}`;
  return { id, ...make(id) };
});
