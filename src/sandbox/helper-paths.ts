import { end, isGone, pause, readBody, reset, respond, settle, write, writePieces, type Exchange } from './exchange.ts';
import type { Json } from './json.ts';
import type { CustomResponse } from './response.ts';

/*
 * API paths that no vendor has, for looking at how a proxy carries things: sizes, streams, cuts, redirects. They are
 * below `/v1/sandbox/` (twin: `/api/v1/sandbox/`) and need a good token like any API request.
 */

const PERIOD = 251;
// A whole number of periods, so that the pattern runs on from block to block.
const BLOCK = Buffer.from(Uint8Array.from({ length: PERIOD * 256 }, (_, i) => i % PERIOD));
const OCTETS = 'application/octet-stream';

/** The bytes of `bytes/{n}` and `chunked/{n}`: byte i is i mod 251, a prime, so that no shift goes unseen. */
export function patternBytes(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += BLOCK.length) BLOCK.copy(bytes, at, 0, Math.min(BLOCK.length, length - at));
  return bytes;
}

/** How a vendor carries helper paths. */
interface Surroundings {
  /** What is in front of helper paths. */
  readonly prefix: string;
  /** Wraps a success body in the vendor's envelope. */
  wrap(body: Json): Json;
}

interface HelperRequest extends Surroundings {
  readonly x: Exchange;
  /** The number in the path. */
  readonly n: number;
  /** A number in the query. */
  asked(name: string, otherwise: number): number;
}

/** A helper path: what it does, and its response, or how it sends one that is odder than that. */
type Helper = {
  readonly does: string;
  /** It responds while the body is still arriving. */
  readonly streams?: boolean;
} & (
  | { readonly response: (request: HelperRequest) => CustomResponse }
  | { readonly send: (request: HelperRequest) => void | Promise<void> }
);

// A chat message or an order may well quote an error. Nothing here says that *this* request was refused.
const ERROR_WORDS: Json = {
  id: 17,
  text:
    'support wrote: {"success":false,"error":{"code":"ApiInvalidTokenError","message":"Invalid Token"}} ' +
    'and {"errors":[{"error":1009,"message":"JWT token is expired"}]} and {"error":"Token is expired."}',
  attachments: [
    { name: 'log.txt', lines: ['ApiInvalidTokenError', 'ApiInvalidRefreshTokenError', 'Token is expired.', '1007'] },
  ],
};

const HELPERS: Readonly<Record<string, Helper>> = {
  'bytes/{n}': {
    does: 'n bytes (byte i is i mod 251) with a content-length',
    send: ({ x, n }) => sendPattern(x, n, { 'content-length': String(n) }),
  },
  'chunked/{n}': { does: 'the same bytes, chunked', send: ({ x, n }) => sendPattern(x, n) },
  'sse?events=10&ms=50': {
    does: 'a stream of server-sent events',
    send: ({ x, asked }) => sendEvents(x, asked('events', 10), asked('ms', 50)),
  },
  'slow-body?pieces=10&ms=100': {
    does: 'a text body, one line at a time',
    send: ({ x, asked }) => sendSlowly(x, asked('pieces', 10), asked('ms', 100)),
  },
  'status/{code}': {
    does: 'a response with that status',
    response: ({ n, wrap }) => ({ status: n, body: wrap({ status: n }) }),
  },
  'redirect?to=URL': {
    does: '302; by default to echo on this host, as an absolute URL',
    response: ({ x, prefix }) => {
      const location = new URLSearchParams(x.query).get('to') ?? `${x.origin}${prefix}echo`;
      return { status: 302, headers: { location } };
    },
  },
  'cut/{n}': {
    does: 'announces 2n bytes, sends n, and destroys the connection',
    send: ({ x, n }) => sendHalf(x, n),
  },
  reset: {
    does: 'resets the connection without a response',
    send: ({ x }) => {
      settle(x, 'cut', 'reset');
      reset(x);
    },
  },
  hang: { does: 'never responds', send: ({ x }) => settle(x, 'ok', 'hang') },
  echo: {
    does: 'the request body back, as it arrives, with its content type',
    send: ({ x }) => sendBack(x),
    streams: true,
  },
  gzip: {
    does: 'a gzipped JSON success',
    response: ({ wrap }) => ({ status: 200, encoding: 'gzip', body: wrap({ text: 'compressed '.repeat(200) }) }),
  },
  'echo-error-words': {
    does: "a success whose text quotes every vendor's words for a dead token",
    response: ({ wrap }) => ({ status: 200, body: wrap(ERROR_WORDS) }),
  },
  headers: {
    does: 'the header fields of the request as they arrived, credentials replaced',
    response: ({ x, wrap }) => ({ status: 200, body: wrap({ headers: pairs(x.entry.rawHeaders) }) }),
  },
};

/** What the helper paths are, for the help text. */
export const HELPER_PATHS = Object.fromEntries(Object.entries(HELPERS).map(([usage, { does }]) => [usage, does]));

const PATTERNS = Object.entries(HELPERS).map(([usage, helper]) => {
  const [path = ''] = usage.split('?');
  const pattern = path.replace('{n}', String.raw`\d{1,12}`).replace('{code}', String.raw`[2-9]\d\d`);
  return { helper, pattern: new RegExp(`^${pattern}$`) };
});

/** The helper at a path given without its prefix; undefined if there is none. */
export function findHelper(path: string): Helper | undefined {
  return PATTERNS.find(({ pattern }) => pattern.test(path))?.helper;
}

/** Responds at a helper path. */
export async function serveHelper(x: Exchange, helper: Helper, surroundings: Surroundings): Promise<void> {
  const query = new URLSearchParams(x.query);
  const asked = (name: string, otherwise: number): number => {
    const given = query.get(name);
    return given !== null && /^\d{1,9}$/.test(given) ? Number(given) : otherwise;
  };
  const n = Number(x.path.slice(x.path.lastIndexOf('/') + 1));
  const request = { ...surroundings, x, n, asked };
  if ('response' in helper) respond(x, helper.response(request), 'ok');
  else await helper.send(request);
}

function pairs(rawHeaders: readonly string[]): Json {
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? '']] : []));
}

/** Sends the header section of a good response; false if nobody is there to read it. */
function begin(x: Exchange, headers: Record<string, string>, outcome: 'ok' | 'cut' = 'ok'): boolean {
  settle(x, outcome);
  x.entry.status = 200;
  if (isGone(x)) return false;
  x.res.writeHead(200, headers);
  return true;
}

async function sendPattern(x: Exchange, length: number, sized: Record<string, string> = {}): Promise<void> {
  if (!begin(x, { 'content-type': OCTETS, ...sized })) return;
  const bytes = x.entry.method === 'HEAD' ? 0 : length;
  for (let at = 0; at < bytes && !isGone(x); at += BLOCK.length) await write(x, BLOCK.subarray(0, bytes - at));
  end(x);
}

async function sendEvents(x: Exchange, events: number, everyMs: number): Promise<void> {
  if (!begin(x, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })) return;
  for (let i = 1; i <= events && !isGone(x); i += 1) {
    await write(x, `id: ${i}\nevent: tick\ndata: {"n":${i}}\n\n`);
    if (i < events) await pause(everyMs);
  }
  end(x);
}

async function sendSlowly(x: Exchange, pieces: number, everyMs: number): Promise<void> {
  const line = 'one line of a slow answer\n';
  const length = String(line.length * pieces);
  if (!begin(x, { 'content-type': 'text/plain; charset=utf-8', 'content-length': length })) return;
  // The header section goes out before the first pause: "slow body" must not look like "slow to respond".
  x.res.flushHeaders();
  await writePieces(x, Buffer.from(line.repeat(pieces)), line.length, everyMs);
}

function sendHalf(x: Exchange, n: number): void {
  if (!begin(x, { 'content-type': OCTETS, 'content-length': String(Math.max(2 * n, 1)) }, 'cut')) return;
  x.cutByUs = true;
  x.res.flushHeaders();
  // A plain close, not a RST: a RST would throw away the half already sent.
  if (n === 0) setImmediate(() => x.req.socket.destroySoon());
  else x.res.write(patternBytes(n), () => x.req.socket.destroySoon());
}

async function sendBack(x: Exchange): Promise<void> {
  const { 'content-type': type, 'content-length': length } = x.req.headers;
  const headers = {
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(length === undefined ? {} : { 'content-length': length }),
  };
  if (!begin(x, headers)) return;
  await readBody(x, (chunk) => write(x, chunk));
  end(x);
}
