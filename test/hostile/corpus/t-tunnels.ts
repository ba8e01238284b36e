import type { Inside, Passage, TlsInside, TunnelItem } from '../item.ts';
import { CLOSE, RESET, type Pieces } from '../pieces.ts';
import { framing } from './a-framing.ts';
import { oneConnection } from './h-one-connection.ts';
import { CANARY } from './requests.ts';

/* Class T: the forward proxy. What may open a tunnel, where it may lead, and what may be said in it. */

export const HOST = 'api.vendor.example';
export const SECOND = 'second.vendor.example';
/** The host in the items of other classes. */
export const NAME = 'proxy';
/** Whose requests go to another upstream: those of well-behaved clients. */
export const BESIDE = 'beside.vendor.example';
export const KEY = 'a-key-of-a-caller-that-is-long-enough';
const OUTSIDE = 'outside.example';

type Unnumbered = (id: string) => Omit<TunnelItem, 'id'>;

const head = (line: string, fields: readonly string[], body = ''): string =>
  `${line}\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;
/** A CONNECT; without fields, with the Host that belongs to it. */
export const connect = (target: string, fields: readonly string[] = [`Host: ${target}`], rest = ''): string =>
  head(`CONNECT ${target} HTTP/1.1`, fields, rest);
const basic = (key: string): string => `Basic ${Buffer.from(`any:${key}`).toString('base64')}`;
export const AUTH = `Proxy-Authorization: ${basic(KEY)}`;
const keyed = (target: string): string => connect(target, [`Host: ${target}`, AUTH]);
const TO_HOST = connect(`${HOST}:443`);
const TO_PLAIN = connect(`${HOST}:80`);
const get = (path: string, ...fields: string[]): string => head(`GET ${path} HTTP/1.1`, [`Host: ${HOST}`, ...fields]);
const seen = (target: string, more: Partial<Passage> = {}): Passage => ({ method: 'GET', target, ...more });
const tls = (send: Pieces, options: TlsInside['tls'] = {}): Inside => ({ tls: options, send });

const refused =
  (about: string, send: string | Pieces, status?: number): Unnumbered =>
  () => ({
    about,
    subject: 'open',
    send: typeof send === 'string' ? [send] : send,
    fate: 'refuse',
    ...(status !== undefined && { status }),
  });
const within =
  (about: string, inside: (id: string) => Inside, fate: (id: string) => TunnelItem['fate'], more = {}): Unnumbered =>
  (id) => ({ about, subject: 'open', send: [TO_HOST], inside: inside(id), fate: fate(id), ...more });
const refusedWithin = (about: string, send: (id: string) => Pieces, status?: number): Unnumbered =>
  within(
    about,
    (id) => tls(send(id)),
    () => 'refuse',
    status === undefined ? {} : { status },
  );
const served = (about: string, send: (id: string) => Pieces, fate: (id: string) => readonly Passage[], more = {}) =>
  within(about, (id) => tls(send(id)), fate, more);

const SMUGGLED = get('/smuggled');
const smuggling: readonly Unnumbered[] = [
  refused('a body', connect(`${HOST}:443`, [`Host: ${HOST}`, 'Content-Length: 5'], 'hello'), 400),
  refused(
    'a request as the body',
    connect(`${HOST}:443`, [`Host: ${HOST}`, `Content-Length: ${SMUGGLED.length}`], SMUGGLED),
    400,
  ),
  refused(
    'a chunked body',
    connect(`${HOST}:443`, [`Host: ${HOST}`, 'Transfer-Encoding: chunked'], '0\r\n\r\n') + SMUGGLED,
    400,
  ),
  ...[
    ['Content-Length: 0', 'Content-Length: 0'],
    ['Content-Length: 0', 'Content-Length: 5'],
    ['Content-Length: +0'],
    ['Content-Length: 0x0'],
    ['Content-Length: -0'],
    ['Content-Length: 0, 0'],
    ['Content-Length:'],
    ['Content_Length: 5'],
    ['Content-Length : 0'],
    ['Transfer-Encoding: identity'],
    ['Transfer-Encoding: gzip, chunked'],
    ['Transfer-Encoding : chunked'],
    ['Transfer_Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 0'],
    ['X: a\r\n b'],
    ['Host\r\n : evil.example'],
    [' X: a'],
    ['X: a\rY: b'],
    ['X: a\0b'],
    [': empty'],
    ['no colon'],
    [`Host: ${HOST}:443`],
    ['Host: evil.example'],
    ['Expect: everything'],
    ['Upgrade: websocket', 'Connection: Upgrade'],
    ['Via: 1.1 tokenward, 1.1 tokenward, 1.1 tokenward, 1.1 tokenward, 1.1 tokenward'],
    Array.from({ length: 120 }, (_, i) => `X-${i}: a`),
  ].map((fields) =>
    refused(
      `CONNECT with ${fields.length > 5 ? 'very many fields' : JSON.stringify(fields.join(' | '))}`,
      connect(`${HOST}:443`, [`Host: ${HOST}:443`, ...fields], SMUGGLED),
    ),
  ),
  refused('bare line feeds', TO_HOST.replaceAll('\r\n', '\n'), 400),
  refused('a bare line feed behind the request line', TO_HOST.replace('\r\n', '\n'), 400),
  refused('no Host', connect(`${HOST}:443`, []), 400),
  refused('an empty Host', connect(`${HOST}:443`, ['Host:']), 400),
  refused('HTTP/1.2', TO_HOST.replace('HTTP/1.1', 'HTTP/1.2'), 400),
  refused('HTTP/2.0', TO_HOST.replace('HTTP/1.1', 'HTTP/2.0'), 400),
  refused('a tab before the target', TO_HOST.replace(' ', '\t'), 400),
  refused('in lower case', TO_HOST.replace('CONNECT', 'connect'), 400),
  refused('40 KB of fields', connect(`${HOST}:443`, [`Host: ${HOST}`, `X: ${'x'.repeat(40_000)}`]), 431),
  (id) => ({
    about: 'a second request behind CONNECT, instead of a handshake',
    subject: 'open',
    send: [TO_HOST + get(`/${id}`)],
    inside: { raw: [] },
    fate: 'end',
  }),
  () => ({
    about: 'a second CONNECT behind CONNECT',
    subject: 'open',
    send: [TO_HOST + TO_HOST],
    inside: { raw: [] },
    fate: 'end',
  }),
  (id) => ({
    about: 'a second request behind CONNECT to port 80: it is within the tunnel',
    subject: 'open',
    send: [TO_PLAIN + get(`/${id}`)],
    inside: { plain: [] },
    fate: [seen(`/${id}`)],
  }),
  (id) => ({
    about: 'CONNECT behind a request whose response is not complete',
    subject: 'open',
    send: [head(`GET http://${HOST}/${id} HTTP/1.1`, [`Host: ${HOST}`]) + TO_HOST + get(`/${id}/2`)],
    fate: [seen(`/${id}`)],
  }),
  () => ({
    about: 'a CONNECT byte by byte, and garbage',
    subject: 'open',
    send: [...TO_HOST],
    inside: { raw: ['garbage\r\n\r\n'] },
    fate: 'end',
  }),
];

const authorities: readonly Unnumbered[] = [
  ...[
    `user@${HOST}:443`,
    `user:pass@${HOST}:443`,
    HOST,
    `${HOST}:`,
    `${HOST}:0`,
    `${HOST}:65536`,
    `${HOST}:99999`,
    `${HOST}:000443`,
    `${HOST}:+443`,
    `${HOST}:-443`,
    `${HOST}:443:443`,
    `${HOST}:https`,
    `${HOST}:443/`,
    `${HOST}:443?x`,
    `${HOST}:443#x`,
    `${HOST}%2e:443`,
    `%61pi.vendor.example:443`,
    `${HOST}%00:443`,
    `${HOST}%0d%0a:443`,
    `api%2evendor.example:443`,
    `https://${HOST}:443`,
    `https://${HOST}/`,
    `//${HOST}:443`,
    `/${HOST}:443`,
    '/api/x',
    '*',
    ':443',
    '.:443',
    '..:443',
    `.${HOST}:443`,
    `${HOST}..:443`,
    'api..vendor.example:443',
    `${HOST},${SECOND}:443`,
    `${HOST};:443`,
    `${HOST}\\:443`,
    '[::1:443',
    '::1:443',
    '[]:443',
    '[:::]:443',
    '[fe80::1%25eth0]:443',
    '[fe80::1%eth0]:443',
    '[v1.x]:443',
    '[127.0.0.1]:443',
    '[api.vendor.example]:443',
    '1.2.3.4.5:443',
    '256.1.1.1:443',
    '08.1.1.1:443',
    `${'a'.repeat(300)}.example:443`,
  ].map((target) =>
    refused(`to ${target.length > 100 ? 'a very long name' : target}`, connect(target, [`Host: ${HOST}:443`]), 400),
  ),
  ...['\xe1pi.vendor.example:443', '\xd0\xb0pi.vendor.example:443', `${HOST}\xa0:443`].map((target) =>
    refused(`to ${JSON.stringify(target)}, beyond ASCII`, connect(target, [`Host: ${HOST}:443`]), 400),
  ),
  refused('to a name with a space', connect('api .vendor.example:443', [`Host: ${HOST}`]), 400),
  refused('to a name with a tab', connect('api\t.vendor.example:443', [`Host: ${HOST}`]), 400),
  refused('to nothing', 'CONNECT  HTTP/1.1\r\nHost: x\r\n\r\n', 400),
  refused("to a route's host at another port that nobody may reach", connect(`${HOST}:8444`), 403),
  ...[`${HOST.toUpperCase()}:443`, 'aPi.Vendor.EXAMPLE:443', `${HOST}.:443`, `${HOST}:0443`, `${HOST}:00443`].map(
    (target): Unnumbered =>
      (id) => ({
        about: `to ${target}: the same host`,
        subject: 'open',
        send: [connect(target)],
        inside: tls([get(`/${id}`)]),
        fate: [seen(`/${id}`)],
      }),
  ),
  // Punycode that looks like the route's host is another host.
  () => ({
    about: 'to a name that looks alike, in punycode: another host',
    subject: 'keyed',
    send: [keyed('xn--pi-6kc.vendor.example:443')],
    inside: { raw: ['hello'] },
    fate: 'echo',
  }),
  () => ({
    about: 'to another host, through the egress proxy',
    subject: 'keyed',
    send: [keyed(`${OUTSIDE}:443`)],
    inside: { raw: ['\x16\x03\x01', 5, 'anything\r\n\r\n', SMUGGLED] },
    fate: 'echo',
  }),
];

/** Who names which host: the CONNECT, its Host, the handshake, the Host within. Only the second may be the listener. */
const names: readonly Unnumbered[] = [HOST, SECOND, 'listener', 'evil.example'].flatMap((field) =>
  [HOST, SECOND, 'evil.example', null].flatMap((servername) =>
    [HOST, SECOND, 'listener', '127.0.0.1', 'evil.example', `${HOST}.evil.example`, `evil.${HOST}`].map(
      (host): Unnumbered =>
        (id) => {
          const about = `CONNECT, Host ${field}, server name ${servername ?? 'none'}, Host within ${host}`;
          const send = [connect(`${HOST}:443`, [`Host: ${field}`])];
          if (field !== HOST && field !== 'listener')
            return { about, subject: 'open', send, fate: 'refuse', status: 400 };
          const request = [head(`GET /${id} HTTP/1.1`, [`Host: ${host}`])];
          if (servername !== null && servername !== HOST)
            return { about, subject: 'open', send, inside: tls(request, { servername, fails: true }), fate: 'end' };
          const inside = tls(request, { servername });
          if (host !== HOST) return { about, subject: 'open', send, inside, fate: 'refuse', status: 403 };
          return { about, subject: 'open', send, inside, fate: [seen(`/${id}`)] };
        },
    ),
  ),
);
/** Where the CONNECT is refused, what would come behind it makes no difference. */
const combinations = names.filter(
  (make, i) => make('').inside !== undefined || names.findIndex((other) => sendOf(other) === sendOf(make)) === i,
);
function sendOf(make: Unnumbered): string {
  return JSON.stringify(make('').send);
}

const FORBIDDEN = [
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1'],
  ...['017700000001', '0', '0.0.0.0', '00', '0x0', '127.0.0.1.', 'localhost', 'LocalHost', 'localhost.'],
  ...['[::1]', '[::]', '[0:0:0:0:0:0:0:1]', '[0000::0001]', '[::ffff:127.0.0.1]', '[::FFFF:7f00:1]', '[::127.0.0.1]'],
  ...['[::ffff:0:127.0.0.1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::a9fe:a9fe]', '[64:ff9b:1::7f00:1]'],
  ...['[2002:7f00:1::]', '[2002:a9fe:a9fe::]', '[2001:0:7f00:1::]'],
  ...['169.254.169.254', '169.254.43518', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.170.2'],
  ...['[::ffff:169.254.169.254]', '[fe80::1]', '[fe80::a9fe:a9fe]', '[FEBF::1]', '[fd00:ec2::254]', '[fd00:ec2::23]'],
  ...['[fd20:ce::254]', '[fd00:42::42]', '100.100.100.200', '168.63.129.16', '192.0.0.192', '224.0.0.1'],
  ...['255.255.255.255', '240.0.0.1', '[ff02::1]'],
];
const places: readonly Unnumbered[] = [
  ...(['open', 'keyed'] as const).flatMap((subject) =>
    FORBIDDEN.map((host): Unnumbered => () => ({
      about: `a tunnel to ${host}${subject === 'open' ? '' : ', through the egress proxy'}`,
      subject,
      send: [connect(`${host}:80`, ['Host: listener', AUTH])],
      fate: 'refuse',
      status: 403,
    })),
  ),
  ...['{proxy}', '{operator}'].flatMap((port) =>
    ['127.0.0.1', 'localhost', '[::1]', '0', '127.1'].map((host) =>
      refused(`to the proxy itself, ${host}:${port}`, connect(`${host}:${port}`, ['Host: listener'], SMUGGLED), 403),
    ),
  ),
];

const hello = (rest: string): string => `\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03${rest}`;
const garbage = (about: string, raw: Pieces, more = {}): Unnumbered =>
  within(
    about,
    () => ({ raw }),
    () => 'end',
    more,
  );
const handshakes: readonly Unnumbered[] = [
  garbage('HTTP instead of a handshake', [SMUGGLED]),
  garbage('zeros', ['\0'.repeat(1_000)]),
  garbage('SSH', ['SSH-2.0-OpenSSH_9.2\r\n']),
  garbage('HTTP/2', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']),
  garbage('SSL 2.0', [`\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10${'\x01\x00\x80'.repeat(7)}${'c'.repeat(16)}`]),
  garbage('an alert', ['\x15\x03\x01\x00\x02\x02\x28']),
  garbage('application data before a handshake', ['\x17\x03\x03\x00\x05hello']),
  garbage('a record that is too long', [`\x16\x03\x01\xff\xff${'x'.repeat(20_000)}`]),
  garbage('an empty record, many times', ['\x16\x03\x01\x00\x00'.repeat(200)]),
  garbage('a handshake message that is no ClientHello', ['\x16\x03\x01\x00\x04\x14\x00\x00\x00']),
  garbage('a ClientHello of nonsense', [hello('x'.repeat(509))]),
  garbage('half a ClientHello, and the end', [hello('x'), CLOSE]),
  garbage('half a ClientHello, and a reset', [hello('x'), 10, RESET]),
  garbage('nothing, and the end', [CLOSE]),
  garbage('nothing, and a reset', [RESET]),
  garbage('a ClientHello that never ends', [hello('x')], { slow: true }),
  garbage('a ClientHello that trickles', [hello(''), ...Array.from({ length: 20 }, () => [1_000, 'x']).flat()], {
    slow: true,
  }),
  garbage('no ClientHello at all', [], { slow: true }),
  within(
    'a ClientHello byte by byte',
    (id) => tls([get(`/${id}`)], { bytewise: true }),
    (id) => [seen(`/${id}`)],
  ),
  ...(['TLSv1', 'TLSv1.1'] as const).map((version) =>
    within(
      version,
      () => tls([SMUGGLED], { version, fails: true }),
      () => 'end',
    ),
  ),
  ...(['TLSv1.2', 'TLSv1.3'] as const).map((version) =>
    within(
      version,
      (id) => tls([get(`/${id}`)], { version }),
      (id) => [seen(`/${id}`)],
    ),
  ),
  ...[['h2'], ['h3', 'spdy/3'], ['http/1.0']].map((alpn) =>
    within(
      `ALPN ${alpn.join()} only`,
      () => tls([SMUGGLED], { alpn, fails: true }),
      () => 'end',
    ),
  ),
  ...[[], ['h2', 'http/1.1']].map((alpn) =>
    within(
      `ALPN ${alpn.join() || 'not used'}`,
      (id) => tls([get(`/${id}`)], { alpn }),
      (id) => [seen(`/${id}`)],
    ),
  ),
  within(
    'HTTP/2 all the same',
    () => tls(['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0']),
    () => 'refuse',
  ),
  within(
    'renegotiation, again and again',
    () => tls([], { version: 'TLSv1.2', renegotiate: 20 }),
    () => 'end',
  ),
  ...[`${HOST}.evil.example`, `evil.${HOST}`, 'vendor.example', 'api'].map((servername) =>
    within(
      `the server name ${servername}`,
      () => tls([SMUGGLED], { servername, fails: true }),
      () => 'end',
    ),
  ),
  ...[HOST.toUpperCase(), `${HOST}.`].map((servername) =>
    within(
      `the server name ${servername}`,
      (id) => tls([get(`/${id}`)], { servername }),
      (id) => [seen(`/${id}`)],
    ),
  ),
];

const halves: readonly Unnumbered[] = [
  () => ({ about: 'half closed behind CONNECT', subject: 'open', send: [TO_HOST, CLOSE], fate: 'end' }),
  () => ({ about: 'half closed within CONNECT', subject: 'open', send: [TO_HOST.slice(0, -2), CLOSE], fate: 'end' }),
  () => ({ about: 'a reset behind CONNECT', subject: 'open', send: [TO_HOST, RESET], fate: 'end' }),
  () => ({
    about: 'half closed behind CONNECT and half a handshake',
    subject: 'open',
    send: [TO_HOST + hello('x'), CLOSE],
    fate: 'end',
  }),
  () => ({
    about: 'half closed behind CONNECT to another host',
    subject: 'keyed',
    send: [keyed(`${OUTSIDE}:443`), CLOSE],
    fate: 'end',
  }),
  () => ({
    about: 'a reset behind CONNECT to another host',
    subject: 'keyed',
    send: [keyed(`${OUTSIDE}:443`), RESET],
    fate: 'end',
  }),
  served(
    'half closed behind a request',
    (id) => [get(`/${id}`)],
    (id) => [seen(`/${id}`)],
    { cut: true },
  ),
  within(
    'half closed within a request',
    (id) => tls([get(`/${id}`).slice(0, -2)]),
    () => 'refuse',
    { cut: true },
  ),
  within(
    'half closed within a body',
    (id) => tls([head(`POST /${id} HTTP/1.1`, [`Host: ${HOST}`, 'Content-Length: 9'], 'half')]),
    () => 'refuse',
    { cut: true },
  ),
  within(
    'a reset within a body',
    (id) => tls([head(`POST /${id} HTTP/1.1`, [`Host: ${HOST}`, 'Content-Length: 9'], 'half'), 10, RESET]),
    () => 'end',
  ),
  within(
    'half closed behind the handshake',
    () => tls([]),
    () => 'end',
    { cut: true },
  ),
  (id) => ({
    about: 'half closed behind a request, to port 80',
    subject: 'open',
    send: [TO_PLAIN],
    inside: { plain: [get(`/${id}`)] },
    fate: [seen(`/${id}`)],
    cut: true,
  }),
];

const absolute = (target: string, host: string, fields: readonly string[] = []): string =>
  head(`GET ${target} HTTP/1.1`, [`Host: ${host}`, ...fields]);
const forms: readonly Unnumbered[] = [
  ...[
    ['http://evil.example/', 'evil.example'],
    ['http://evil.example/', HOST],
    ['http://evil.example/api/x', 'listener'],
    [`http://${HOST}/`, 'evil.example'],
    [`http://${HOST}/`, 'listener'],
    [`http://${HOST}/`, SECOND],
    [`http://${HOST}/`, `${HOST}:8080`],
    [`http://${HOST}:8080/`, `${HOST}:8080`],
    [`http://${HOST}:443/`, `${HOST}:443`],
    [`http://${HOST}:0/`, HOST],
    [`http://user@${HOST}/`, HOST],
    [`http://${HOST}@evil.example/`, HOST],
    [`http://evil.example@${HOST}/`, HOST],
    [`http://${HOST}\\@evil.example/`, HOST],
    [`http://${HOST}#@evil.example/`, HOST],
    [`http://evil.${HOST}/`, `evil.${HOST}`],
    [`http://${HOST}.evil.example/`, `${HOST}.evil.example`],
    [`http://${HOST}%2eevil.example/`, HOST],
    [`http://${HOST}%00/`, HOST],
    ['http:///api/x', 'listener'],
    [`http:/${HOST}/`, HOST],
    [`http:${HOST}/`, HOST],
    [`ftp://${HOST}/`, HOST],
    [`ws://${HOST}/`, HOST],
    ['http://127.0.0.1:{operator}/metrics', '127.0.0.1:{operator}'],
    ['http://127.0.0.1:{operator}/metrics', HOST],
    ['http://169.254.169.254/latest/meta-data/', '169.254.169.254'],
    ['http://[::1]/', '[::1]'],
  ].map(([target, host]) => refused(`${target!} with Host ${host!}`, absolute(target!, host!))),
  ...[HOST, `${HOST.toUpperCase()}:80`].map((host): Unnumbered => (id) => ({
    about: `absolute form with Host ${host}`,
    subject: 'open',
    send: [absolute(`HTTP://${HOST}:080/${id}`, host)],
    fate: [seen(`/${id}`)],
  })),
  refused('absolute form with two Hosts', absolute(`http://${HOST}/`, HOST, [`Host: ${HOST}`]), 400),
  refused('absolute form in HTTP/1.0 without a Host', `GET http://${HOST}/ HTTP/1.0\r\n\r\n`),
  (id) => ({
    about: 'one host after the other on a connection',
    subject: 'open',
    send: [
      absolute(`http://${HOST}/${id}/1`, HOST) +
        absolute(`http://${HOST}/${id}/2`, HOST) +
        absolute('http://evil.example/', 'evil.example'),
    ],
    fate: [seen(`/${id}/1`), seen(`/${id}/2`)],
  }),
  ...['https://evil.example', 'null', `https://${SECOND}`, `http://${HOST}.evil.example`].map((origin) =>
    refused(`absolute form, a page of ${origin}`, absolute(`http://${HOST}/x`, HOST, [`Origin: ${origin}`]), 403),
  ),
];

const KEYS: readonly (readonly [about: string, fields: readonly string[], status: number])[] = [
  ['no key', [], 407],
  ['an empty one', ['Proxy-Authorization:'], 407],
  ['a scheme alone', ['Proxy-Authorization: Basic'], 407],
  ['another scheme', [`Proxy-Authorization: Digest ${KEY}`], 407],
  ['Basic without a password', [`Proxy-Authorization: Basic ${Buffer.from(KEY).toString('base64')}`], 407],
  ['Basic that is no Base64', ['Proxy-Authorization: Basic ***'], 407],
  ['a key in Authorization', [`Authorization: Bearer ${KEY}`], 407],
  ['a key in X-Api-Key', [`X-Api-Key: ${KEY}`], 407],
  ['a wrong key', [`Proxy-Authorization: ${basic('wrong')}`], 403],
  ['a wrong one as Bearer', ['Proxy-Authorization: Bearer wrong'], 403],
  ['a key with one letter more', [`Proxy-Authorization: ${basic(`${KEY}x`)}`], 403],
  ['a key in other case', [`Proxy-Authorization: ${basic(KEY.toUpperCase())}`], 403],
  ['a wrong one before the right one', [`Proxy-Authorization: ${basic('wrong')}`, AUTH], 403],
  ['the digest of a key', ['Proxy-Authorization: Bearer sha256:0000'], 403],
  ['a token that is signed by nobody', ['Proxy-Authorization: Bearer eyJhbGciOiJub25lIn0.e30.'], 403],
  ['30 KB', [`Proxy-Authorization: Basic ${'A'.repeat(30_000)}`], 431],
  ['a control byte', ['Proxy-Authorization: Basic \x01'], 400],
];
const keys: readonly Unnumbered[] = [
  ...KEYS.flatMap(([about, fields, status]): Unnumbered[] => [
    () => ({
      about: `CONNECT, ${about}`,
      subject: 'keyed',
      send: [connect(`${HOST}:443`, [`Host: ${HOST}`, ...fields])],
      fate: 'refuse',
      status,
    }),
    () => ({
      about: `absolute form, ${about}`,
      subject: 'keyed',
      send: [absolute(`http://${HOST}/x`, HOST, fields)],
      fate: 'refuse',
      status,
    }),
  ]),
  () => ({
    about: 'no key, to another host',
    subject: 'keyed',
    send: [connect(`${OUTSIDE}:443`)],
    fate: 'refuse',
    status: 407,
  }),
  () => ({
    about: 'no key, to a forbidden one: nothing is told',
    subject: 'keyed',
    send: [connect('127.0.0.1:80', ['Host: listener'])],
    fate: 'refuse',
    status: 407,
  }),
  (id) => ({
    about: "the right key; the application's own do not travel on",
    subject: 'keyed',
    send: [keyed(`${HOST}:443`)],
    inside: tls([
      get(`/${id}`, `Authorization: Bearer ${CANARY}`, AUTH, `X-Api-Key: ${CANARY}`),
      head(`GET /${id}/2 HTTP/1.1`, [`Host: ${HOST}`, 'Proxy-Authorization: Basic wrong']),
    ]),
    fate: [seen(`/${id}`, { lacks: ['x-api-key', 'proxy-authorization'] }), seen(`/${id}/2`)],
  }),
];

const inTunnel: readonly Unnumbered[] = [
  refusedWithin('CONNECT within a tunnel', () => [TO_HOST], 405),
  refusedWithin('CONNECT to another host within a tunnel', () => [connect(`${SECOND}:443`)], 405),
  refusedWithin('CONNECT to the proxy within a tunnel', () => [connect('127.0.0.1:{proxy}')], 405),
  refusedWithin('an upgrade', () => [get('/x', 'Connection: Upgrade', 'Upgrade: websocket')], 501),
  refusedWithin('TRACE', () => [head('TRACE / HTTP/1.1', [`Host: ${HOST}`])], 405),
  ...[`https://${SECOND}/x`, `http://${HOST}/x`, 'https://evil.example/', `https://u@${HOST}/x`].map((target) =>
    refusedWithin(`${target} within a tunnel`, () => [absolute(target, HOST)]),
  ),
  ...['https://evil.example', 'null', `https://${SECOND}`, `https://${HOST}:8443`].map((origin) =>
    refusedWithin(`a page of ${origin}`, () => [get('/x', `Origin: ${origin}`)], 403),
  ),
  ...['cross-site', 'same-site'].map((site) =>
    refusedWithin(`Sec-Fetch-Site: ${site}`, () => [get('/x', `Sec-Fetch-Site: ${site}`)], 403),
  ),
  refusedWithin('no Host', () => ['GET /x HTTP/1.1\r\n\r\n']),
  refusedWithin('no Host in HTTP/1.0', () => ['GET /x HTTP/1.0\r\n\r\n'], 403),
  refusedWithin('two Hosts', () => [get('/x', `Host: ${HOST}`)], 400),
  refusedWithin('two Hosts, the other last', () => [get('/x', `Host: ${SECOND}`)], 400),
  refusedWithin('two lengths', () => [
    head('POST /x HTTP/1.1', [`Host: ${HOST}`, 'Content-Length: 1', 'Content-Length: 2'], 'ab'),
  ]),
  refusedWithin('both framings', () => [
    head('POST /x HTTP/1.1', [`Host: ${HOST}`, 'Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  ]),
  refusedWithin('a climbing path', () => [get('/a/../../x')]),
  served(
    'requests for the host, and then one for another',
    (id) => [get(`/${id}/1`) + head(`GET /${id}/2 HTTP/1.1`, [`Host: ${SECOND}`])],
    (id) => [seen(`/${id}/1`)],
  ),
  served(
    'twenty at once',
    (id) => [Array.from({ length: 20 }, (_, i) => get(`/${id}/${i}`)).join('')],
    (id) => Array.from({ length: 20 }, (_, i) => seen(`/${id}/${i}`)),
  ),
  served(
    "the host's own page",
    (id) => [get(`/${id}`, `Origin: https://${HOST}`)],
    (id) => [seen(`/${id}`)],
  ),
  served(
    'Connection: close',
    (id) => [get(`/${id}`, 'Connection: close') + SMUGGLED],
    (id) => [seen(`/${id}`)],
  ),
  served(
    'HTTP/1.0',
    (id) => [head(`GET /${id} HTTP/1.0`, [`Host: ${HOST}`]) + SMUGGLED],
    (id) => [seen(`/${id}`)],
  ),
  served(
    'chunks with a trailer',
    (id) => [
      head(`POST /${id} HTTP/1.1`, [`Host: ${HOST}`, 'Transfer-Encoding: chunked'], '2\r\nhi\r\n0\r\nX: a\r\n\r\n'),
      get(`/${id}/2`),
    ],
    (id) => [{ method: 'POST', target: `/${id}`, body: 'hi', lacks: ['x'] }, seen(`/${id}/2`)],
  ),
  served(
    'an expectation',
    (id) => [head(`POST /${id} HTTP/1.1`, [`Host: ${HOST}`, 'Expect: 100-continue', 'Content-Length: 2']), 20, 'hi'],
    (id) => [{ method: 'POST', target: `/${id}`, body: 'hi' }],
  ),
  within(
    'TLS within port 80',
    () => tls([SMUGGLED], { fails: true }),
    () => 'end',
    { send: [TO_PLAIN] },
  ),
];

/** Framing, and several requests on one connection, once more: within a tunnel, where node:http reads from TLS. */
const again: readonly Unnumbered[] = [...framing, ...oneConnection].map(
  ({ about, send, fate, cut = false }): Unnumbered =>
    () => ({
      about: `within a tunnel: ${about}`,
      subject: 'open',
      send: [connect(`${NAME}:443`)],
      inside: tls(send, { servername: NAME }),
      fate,
      cut,
      once: true,
    }),
);

export const tunnels: readonly TunnelItem[] = [
  ...smuggling,
  ...authorities,
  ...combinations,
  ...places,
  ...handshakes,
  ...halves,
  ...forms,
  ...keys,
  ...inTunnel,
  ...again,
].map((make, i) => {
  const id = `T${String(i + 1).padStart(3, '0')}`;
  return { id, ...make(id) };
});
