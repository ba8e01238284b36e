import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { call } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing } from '../../support/custom-proxy.ts';
import { startProxy } from '../../support/proxy.ts';
import { dial, tcpServer, type TestServer } from '../../support/wire.ts';
import { freshWorld, tokenCalls, withRoute } from '../../support/world.ts';

const REFUSAL = '{"success":false,"error":{"code":"ApiInvalidTokenError"}}';
const FINE = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"success":true}';
const PHP = 'Content-Type: text/html; charset=UTF-8\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** The end of the connection, as a drop. */
const CLOSED = 'closed';
/** Pieces of bytes, each in a packet of its own. */
type Drops = readonly (string | Buffer)[];

async function drip(socket: Socket, drops: Drops, pause: number): Promise<void> {
  for (const drop of drops) {
    if (drop === CLOSED) socket.end();
    else socket.write(drop);
    await sleep(pause);
  }
}

/** A ChatApp that accepts every token but the first, and refuses that one in these drops. */
async function refusing(drops: Drops, pause = 30): Promise<TestServer> {
  let first: string | undefined;
  return tcpServer((socket) => {
    socket.setNoDelay(true).on('data', (bytes: Buffer) => {
      const token = /authorization: (\S+)/i.exec(bytes.toString('latin1'))?.[1];
      first ??= token;
      if (token === first) void drip(socket, drops, pause);
      else socket.write(FINE);
    });
  });
}

function chunk(bytes: string | Buffer): Buffer {
  const body = Buffer.from(bytes as string);
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n')]);
}

const END = '0\r\n\r\n';

/** The same bytes one by one, each a chunk of its own. */
function letters(bytes: string | Buffer): Buffer[] {
  return [...Buffer.from(bytes as string)].map((byte) => chunk(Buffer.from([byte])));
}

const head = (fields: string, status = '200 OK'): string => `HTTP/1.1 ${status}\r\n${fields}\r\n`;

describe('a dead ChatApp token in an answer that comes in drops', () => {
  const close = closing();
  const world = freshWorld();

  const cases: readonly (readonly [string, Drops])[] = [
    [
      "a 200 of PHP's default type, head and body apart",
      [head(PHP + CHUNKED), Buffer.concat([chunk(REFUSAL), Buffer.from(END)])],
    ],
    ['its end apart as well', [head(PHP + CHUNKED), chunk(REFUSAL), END]],
    ['with a length', [head(`${PHP}Content-Length: ${REFUSAL.length}\r\n`), REFUSAL]],
    ["ended by its connection's end", [head(`${PHP}Connection: close\r\n`), REFUSAL, CLOSED]],
    ['text/plain', [head(`Content-Type: text/plain\r\n${CHUNKED}`), chunk(REFUSAL), END]],
    ['text/javascript', [head(`Content-Type: text/javascript\r\n${CHUNKED}`), chunk(REFUSAL), END]],
    ['application/x-json', [head(`Content-Type: application/x-json\r\n${CHUNKED}`), chunk(REFUSAL), END]],
    ['no type at all', [head(CHUNKED), chunk(REFUSAL), END]],
    ['an empty type', [head(`Content-Type: \r\n${CHUNKED}`), chunk(REFUSAL), END]],
    ['a type that is none', [head(`Content-Type: charset=utf-8\r\n${CHUNKED}`), chunk(REFUSAL), END]],
    ['*/*', [head(`Content-Type: */*\r\n${CHUNKED}`), chunk(REFUSAL), END]],
    [
      "application/octet-stream with an error's status",
      [head(`Content-Type: application/octet-stream\r\n${CHUNKED}`, '403 Forbidden'), chunk(REFUSAL), END],
    ],
    ['a line end first', [head(PHP + CHUNKED), chunk('\n'), chunk(REFUSAL), END]],
    [
      'white space in several drops',
      [head(PHP + CHUNKED), chunk(' '), chunk('\r\n'), chunk('\t\n'), chunk(`\n ${REFUSAL}\n`), END],
    ],
    ['a byte order mark, byte by byte', [head(PHP + CHUNKED), ...letters('\ufeff'), chunk(REFUSAL), END]],
    ['two byte order marks, from two files', [head(PHP + CHUNKED), chunk('\ufeff'), chunk(`\n\ufeff${REFUSAL}`), END]],
    [
      'UTF-16',
      [head(PHP + CHUNKED), chunk(Buffer.from('\ufeff', 'utf16le')), chunk(Buffer.from(REFUSAL, 'utf16le')), END],
    ],
    ['the value apart from the line end behind it', [head(PHP + CHUNKED), chunk(REFUSAL), chunk('\r\n'), END]],
    ['gzip', [head(`${PHP}Content-Encoding: gzip\r\n${CHUNKED}`), chunk(gzipSync(REFUSAL)), END]],
    [
      'gzip, its first bytes apart',
      [
        head(`${PHP}Content-Encoding: gzip\r\n${CHUNKED}`),
        chunk(gzipSync(REFUSAL).subarray(0, 5)),
        chunk(gzipSync(REFUSAL).subarray(5)),
        END,
      ],
    ],
    [
      'gzip that no field mentions, its first byte apart',
      [head(PHP + CHUNKED), chunk(gzipSync(REFUSAL).subarray(0, 1)), chunk(gzipSync(REFUSAL).subarray(1)), END],
    ],
    ['deflate', [head(`${PHP}Content-Encoding: deflate\r\n${CHUNKED}`), chunk(deflateSync(REFUSAL)), END]],
    ['JSON that says what it is', [head(`Content-Type: application/json\r\n${CHUNKED}`), chunk(REFUSAL), END]],
  ];
  const healed = async (upstream: TestServer): Promise<void> => {
    const { sandbox } = world();
    const proxy = await close(startProxy(sandbox, { config: withRoute('/crm', { upstream: upstream.url }) }));
    const answer = await call(proxy.url, '/crm/v1/licenses');
    assert.deepEqual([answer.status, answer.text, tokenCalls(sandbox, 'chatapp')], [200, '{"success":true}', 2]);
  };
  for (const [name, drops] of cases) it(`${name} is healed`, async () => healed(await close(refusing(drops))));

  for (const [name, field, bytes] of [
    ['', '', Buffer.from(REFUSAL)],
    [', gzip', 'Content-Encoding: gzip\r\n', gzipSync(REFUSAL)],
    [', br', 'Content-Encoding: br\r\n', brotliCompressSync(REFUSAL)],
  ] as const) {
    it(`every byte a packet of its own${name} is healed`, async () =>
      healed(await close(refusing([head(PHP + field + CHUNKED), ...letters(bytes), END], 1))));
  }
});

describe('what only looks as if it might be a dead token', () => {
  const close = closing();
  const world = freshWorld();

  /**
   * The text that has come to the caller by the time the first of these drops has, each in a packet of its own and no
   * end after them.
   */
  async function passedOn(drops: Drops, sign: RegExp): Promise<void> {
    const { sandbox } = world();
    const upstream = await close(
      tcpServer((socket) => void socket.once('data', () => void drip(socket.setNoDelay(true), drops, 30))),
    );
    const proxy = await close(startProxy(sandbox, { config: withRoute('/crm', { upstream: upstream.url }) }));
    const line = await dial(proxy.url);
    line.socket.write('GET /crm/v1/x HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await eventually(`${String(sign)} has come`, () => sign.test(line.received()), 3_000);
    line.socket.destroy();
    assert.equal(tokenCalls(sandbox, 'chatapp'), 1);
  }

  const open = 'Content-Type: text/plain\r\n';
  it('a stream of text is passed on with its first bytes', () =>
    passedOn([head(open + CHUNKED), chunk('step 1 of 100\n')], /step 1/));
  it('a page is passed on with its first bytes', () => passedOn([head(PHP + CHUNKED), chunk('<html>')], /<html>/));
  it('so is a compressed one', () =>
    passedOn(
      [head(`${PHP}Content-Encoding: gzip\r\n${CHUNKED}`), chunk(gzipSync('<html>'.repeat(1_000)).subarray(0, 40))],
      /\r\n\r\n28\r\n/,
    ));
  it('white space first, then text', () => passedOn([head(open + CHUNKED), chunk('\n'), chunk('log')], /log/));
  it('an event stream is passed on with its head', () =>
    passedOn([head(`Content-Type: text/event-stream\r\n${CHUNKED}`)], /\r\n\r\n/));
  it('a picture is passed on with its head', () =>
    passedOn([head(`Content-Type: image/png\r\n${CHUNKED}`)], /\r\n\r\n/));
  it('XML is passed on with its head', () => passedOn([head(`Content-Type: text/xml\r\n${CHUNKED}`)], /\r\n\r\n/));
  it('a download of bytes is passed on with its head', () =>
    passedOn([head(`Content-Type: application/octet-stream\r\n${CHUNKED}`)], /\r\n\r\n/));
  it('so is a short one with a length', () =>
    passedOn([head('Content-Type: application/octet-stream\r\nContent-Length: 100\r\n')], /\r\n\r\n/));
  it('so is one that only its disposition calls so', () =>
    passedOn([head(`${open}Content-Disposition: attachment; filename="a.txt"\r\n${CHUNKED}`)], /\r\n\r\n/));
  it('a part of a document is passed on with its head', () =>
    passedOn([head(`${open}Content-Range: bytes 0-82/83\r\n${CHUNKED}`, '206 Partial Content')], /\r\n\r\n/));
  it('lines of JSON are passed on with the first of them', () =>
    passedOn([head(open + CHUNKED), chunk('{"n":1}\n')], /"n":1/));
  it('also where they call themselves JSON', () =>
    passedOn([head(`Content-Type: application/json\r\n${CHUNKED}`), chunk('{"type":"ADDED"}\n')], /ADDED/));
  it('one that begins with the very words is passed on with the second', () =>
    passedOn([head(open + CHUNKED), chunk(`${REFUSAL}\n`), chunk('{"n":2}\n')], /"n":2/));
  it('a list of them as well', () => passedOn([head(open + CHUNKED), chunk('[{"a":"]}"},{"b":"\\"]"}]\n')], /"b"/));
});
