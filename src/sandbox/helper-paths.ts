import type { Json } from './answer.ts';
import { cut, drained, isGone, pause, readBody, reply, settle, write, writePieces } from './http.ts';
import type { Exchange } from './http.ts';

/*
 * API paths no vendor has, for looking at how a proxy carries things: sizes, streams, cuts, redirects.
 * They sit below `/v1/sandbox/` (twin: `/api/v1/sandbox/`) and need a good token like any API call.
 */

const PERIOD = 251;
// A whole number of periods, so that the pattern runs on from block to block.
const BLOCK = Buffer.from(Uint8Array.from({ length: PERIOD * 256 }, (_, i) => i % PERIOD));
const OCTETS = 'application/octet-stream';

/** The bytes `bytes/{n}` and `chunked/{n}` answer: byte i is i mod 251, a prime, so that no shift goes unseen. */
export function patternBytes(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += BLOCK.length) BLOCK.copy(bytes, at, 0, Math.min(BLOCK.length, length - at));
  return bytes;
}

/** What the helper paths are, for the help text. */
export const HELPER_PATHS: Readonly<Record<string, string>> = {
  'bytes/{n}': 'n bytes (byte i is i mod 251) with a content-length',
  'chunked/{n}': 'the same bytes, chunked',
  'sse?events=10&ms=50': 'a stream of server-sent events',
  'slow-body?pieces=10&ms=100': 'a text body, one line at a time',
  'status/{code}': 'an answer with that status',
  'redirect?to=URL': '302; by default to echo on this host, as an absolute URL',
  'cut/{n}': 'announces 2n bytes, sends n, and destroys the connection',
  reset: 'resets the connection without an answer',
  hang: 'never answers',
  echo: 'the request body back, as it arrives, with its content type',
  gzip: 'a gzipped JSON success',
  'echo-error-words': 'a success whose text quotes every vendor\'s words for a dead token',
  headers: 'the request headers as they arrived, credentials replaced',
};

/** Answers a helper path (given without its prefix). False when there is no such path. */
export async function answerHelper(
  x: Exchange,
  path: string,
  apiPrefix: string,
  wrap: (body: Json) => Json,
): Promise<boolean> {
  const [name, argument, ...rest] = path.split('/');
  if (rest.length > 0) return false;
  const query = new URLSearchParams(x.query);
  const n = argument !== undefined && /^\d{1,12}$/.test(argument) ? Number(argument) : null;

  switch (name) {
    case 'bytes':
    case 'chunked':
      if (n === null) return false;
      await sendPattern(x, n, name === 'bytes');
      return true;
    case 'sse':
      await sendEvents(x, number(query, 'events', 10), number(query, 'ms', 50));
      return true;
    case 'slow-body':
      await sendSlowly(x, number(query, 'pieces', 10), number(query, 'ms', 100));
      return true;
    case 'status':
      if (n === null || n < 200 || n > 999) return false;
      reply(x, { status: n, body: wrap({ status: n }) }, 'ok');
      return true;
    case 'redirect':
      reply(x, { status: 302, headers: { location: query.get('to') ?? `${x.origin}${apiPrefix}sandbox/echo` } }, 'ok');
      return true;
    case 'cut':
      if (n === null) return false;
      sendHalf(x, n);
      return true;
    case 'reset':
      settle(x, 'cut', 'reset', null);
      cut(x, 'reset');
      return true;
    case 'hang':
      settle(x, 'ok', 'hang', null);
      return true;
    case 'echo':
      await sendBack(x);
      return true;
    case 'gzip':
      reply(x, { status: 200, encoding: 'gzip', body: wrap({ text: 'compressed '.repeat(200) }) }, 'ok');
      return true;
    case 'echo-error-words':
      reply(x, { status: 200, body: wrap(ERROR_WORDS) }, 'ok');
      return true;
    case 'headers':
      reply(x, { status: 200, body: wrap({ headers: pairs(x.entry.rawHeaders) }) }, 'ok');
      return true;
    default:
      return false;
  }
}

// A chat message or an order may well quote an error. Nothing here says that *this* call was refused.
const ERROR_WORDS: Json = {
  id: 17,
  text:
    'support wrote: {"success":false,"error":{"code":"ApiInvalidTokenError","message":"Invalid Token"}} ' +
    'and {"errors":[{"error":1009,"message":"JWT token is expired"}]} and {"error":"Token is expired."}',
  attachments: [
    { name: 'log.txt', lines: ['ApiInvalidTokenError', 'ApiInvalidRefreshTokenError', 'Token is expired.', '1007'] },
  ],
};

function number(query: URLSearchParams, name: string, otherwise: number): number {
  const given = query.get(name);
  return given !== null && /^\d{1,9}$/.test(given) ? Number(given) : otherwise;
}

function pairs(rawHeaders: readonly string[]): Json {
  const out: [string, string][] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) out.push([rawHeaders[i] ?? '', rawHeaders[i + 1] ?? '']);
  return out;
}

async function sendPattern(x: Exchange, length: number, sized: boolean): Promise<void> {
  settle(x, 'ok', null, 200);
  if (isGone(x)) return;
  x.res.writeHead(200, { 'content-type': OCTETS, ...(sized ? { 'content-length': String(length) } : {}) });
  if (x.entry.method !== 'HEAD') {
    for (let at = 0; at < length && !isGone(x); at += BLOCK.length) {
      await write(x, BLOCK.subarray(0, Math.min(BLOCK.length, length - at)));
    }
  }
  if (!isGone(x)) x.res.end();
}

async function sendEvents(x: Exchange, events: number, everyMs: number): Promise<void> {
  settle(x, 'ok', null, 200);
  if (isGone(x)) return;
  x.res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for (let i = 1; i <= events && !isGone(x); i++) {
    await write(x, `id: ${i}\nevent: tick\ndata: {"n":${i}}\n\n`);
    if (i < events) await pause(everyMs);
  }
  if (!isGone(x)) x.res.end();
}

async function sendSlowly(x: Exchange, pieces: number, everyMs: number): Promise<void> {
  settle(x, 'ok', null, 200);
  if (isGone(x)) return;
  const line = 'one line of a slow answer\n';
  x.res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(line.length * pieces) });
  // The head goes out before the first pause: "slow body" must not look like "slow to answer".
  x.res.flushHeaders();
  await writePieces(x, Buffer.from(line.repeat(pieces)), line.length, everyMs);
}

function sendHalf(x: Exchange, n: number): void {
  settle(x, 'cut', null, 200);
  if (isGone(x)) return;
  x.res.writeHead(200, { 'content-type': OCTETS, 'content-length': String(Math.max(2 * n, 1)) });
  x.cutByUs = true;
  x.res.flushHeaders();
  // A plain close, not a RST: a RST would throw away the half already sent.
  if (n === 0) setImmediate(() => x.req.socket.destroySoon());
  else x.res.write(patternBytes(n), () => x.req.socket.destroySoon());
}

async function sendBack(x: Exchange): Promise<void> {
  const type = x.req.headers['content-type'];
  const length = x.req.headers['content-length'];
  settle(x, 'ok', null, 200);
  if (isGone(x)) return;
  x.res.writeHead(200, {
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(length === undefined ? {} : { 'content-length': length }),
  });
  await readBody(x, (chunk) => (isGone(x) || x.res.write(chunk) ? undefined : drained(x)));
  if (!isGone(x)) x.res.end();
}
