import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { isPlainUrl, isUrl } from '../../../src/config/urls.ts';
import type { InboundRequest } from '../../../src/http/server/exchange.ts';
import { encodeRawBytes, encodeRawTargets } from '../../../src/http/server/raw-targets.ts';
import { SiteGuard } from '../../../src/http/server/site-guard.ts';
import { toOriginForm } from '../../../src/proxy/absolute-form.ts';
import { piecesOf, type Target } from '../target.ts';
import { COVERS } from './covers.ts';
import { MemorySocket, play } from './memory-socket.ts';
import { compare, referenceOf, type ServedRequest } from './request-reference.ts';

let served: ServedRequest[] = [];

/** node:http alone, behind nothing but the encoder of targets. */
const server = createServer({ requireHostHeader: false }, (request, response) => {
  const one: ServedRequest = {
    method: request.method ?? '',
    target: request.url ?? '',
    fields: request.rawHeaders,
    body: '',
    complete: false,
  };
  served.push(one);
  request
    .setEncoding('latin1')
    .on('data', (piece: string) => (one.body += piece))
    .on('end', () => {
      one.complete = true;
      response.end();
    });
});
server.maxHeadersCount = 0;
server.on('clientError', (_error, socket) => socket.destroy());
server.on('checkContinue', (request, response) => server.emit('request', request, response));
server.on('checkExpectation', (request, response) => server.emit('request', request, response));
server.on('connection', (socket: Socket) => encodeRawTargets(socket));

const guard = new SiteGuard(['proxy.example'], '127.0.0.1');

/** Encoding changes bytes beyond ASCII only, and a decoder gets them back. */
function checkEncoding(text: string): void {
  const encoded = encodeRawBytes(text);
  assert.ok(!/[\x80-\xff]/.test(encoded), 'a byte beyond ASCII is left');
  assert.equal(encodeRawBytes(encoded), encoded, 'encoded twice');
  assert.equal(
    encoded.replaceAll(/%[89A-F][0-9A-F]/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))),
    text.replaceAll(/%[89A-F][0-9A-F]/g, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))),
    'a decoder gets other bytes back',
  );
}

/** A target in absolute form becomes what the URL standard reads in it, for our own host only. */
function checkAbsoluteForm(text: string): void {
  const request = {
    url: text,
    method: 'GET',
    socket: {},
    field: (name: string) => (name === 'host' ? 'proxy.example' : undefined),
  } as unknown as InboundRequest;
  toOriginForm(request, { guard, header: undefined });
  if (request.url === text) return;
  assert.ok(request.url!.startsWith('/'), 'neither unchanged nor a path');
  assert.ok(text.endsWith(request.url!) || text.endsWith(request.url!.slice(1)), 'another path than was sent');
  assert.ok(URL.canParse(text), 'not a URL');
  const { hostname, protocol, port, username, password } = new URL(text);
  assert.deepEqual(
    { hostname: hostname.replace(/\.$/, ''), protocol, port, username, password },
    { hostname: 'proxy.example', protocol: 'http:', port: '', username: '', password: '' },
    'a target of another host',
  );
}

/** A URL that is accepted names one host, as text too: no user, no second host hidden behind a sign. */
function checkUrl(text: string): void {
  if (!isUrl(text)) {
    assert.ok(!isPlainUrl(text), 'plain, and no URL');
    return;
  }
  const { protocol, hostname, username, password } = new URL(text);
  assert.match(protocol, /^https?:$/);
  assert.match(hostname, /^[A-Za-z0-9._:[\]-]+$/);
  assert.equal(username + password, '');
  if (!isPlainUrl(text)) return;
  const below = new URL(`${new URL(text).href}/below`);
  assert.equal(below.hostname, hostname, 'a path below it is on another host');
  assert.ok(below.pathname.endsWith('/below') && below.search === '' && below.hash === '', 'nothing can be below it');
}

export const targets: Target = {
  name: 'targets',
  covers: COVERS['targets']!,
  maxBytes: 2_048,
  words: [
    'GET /\xff HTTP/1.1\r\n',
    ' HTTP/1.1\r\n',
    'http://proxy.example/',
    'http://proxy.example:80',
    'https://user:pass@host:1/path?query#fragment',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    '3\r\nabc\r\n0\r\n\r\n',
    '%2e%2e/',
    '\xd0\x98',
    '\r\n\r\n',
    '\r\n',
  ],
  async run(bytes) {
    const text = bytes.toString('latin1');
    const target = text.split(/[ \r\n]/, 2)[1] ?? '';
    checkEncoding(text);
    checkAbsoluteForm(target);
    checkUrl(target);
    const reference = referenceOf(bytes);
    if (reference === undefined) return;
    served = [];
    const socket = new MemorySocket();
    server.emit('connection', socket.asSocket);
    await play(socket, piecesOf(bytes), () => served.length + served.reduce((sum, { body }) => sum + body.length, 0));
    compare(served, reference, bytes);
  },
};
