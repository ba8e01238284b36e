import type { Json } from './response.ts';
import { drained, isGone, pause, readBody, respond, reset, settle, write, writePieces, type Exchange } from './http.ts';

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

/** How a vendor carries helper paths. */
export interface Surroundings {
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

/** A helper path. */
export interface HelperPath {
  readonly usage: string;
  readonly does: string;
  readonly respond: (call: HelperRequest) => void | Promise<void>;
  /** It answers while the body is still arriving. */
  readonly streams?: boolean;
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

const HELPERS: readonly HelperPath[] = [
  {
    usage: 'bytes/{n}',
    does: 'n bytes (byte i is i mod 251) with a content-length',
    respond: ({ x, n }) => sendPattern(x, n, { 'content-length': String(n) }),
  },
  { usage: 'chunked/{n}', does: 'the same bytes, chunked', respond: ({ x, n }) => sendPattern(x, n) },
  {
    usage: 'sse?events=10&ms=50',
    does: 'a stream of server-sent events',
    respond: ({ x, asked }) => sendEvents(x, asked('events', 10), asked('ms', 50)),
  },
  {
    usage: 'slow-body?pieces=10&ms=100',
    does: 'a text body, one line at a time',
    respond: ({ x, asked }) => sendSlowly(x, asked('pieces', 10), asked('ms', 100)),
  },
  {
    usage: 'status/{code}',
    does: 'an answer with that status',
    respond: ({ x, n, wrap }) => respond(x, { status: n, body: wrap({ status: n }) }, 'ok'),
  },
  {
    usage: 'redirect?to=URL',
    does: '302; by default to echo on this host, as an absolute URL',
    respond: ({ x, prefix }) => {
      const location = new URLSearchParams(x.query).get('to') ?? `${x.origin}${prefix}echo`;
      respond(x, { status: 302, headers: { location } }, 'ok');
    },
  },
  {
    usage: 'cut/{n}',
    does: 'announces 2n bytes, sends n, and destroys the connection',
    respond: ({ x, n }) => sendHalf(x, n),
  },
  {
    usage: 'reset',
    does: 'resets the connection without an answer',
    respond: ({ x }) => {
      settle(x, 'cut', 'reset');
      reset(x);
    },
  },
  { usage: 'hang', does: 'never answers', respond: ({ x }) => settle(x, 'ok', 'hang') },
  {
    usage: 'echo',
    does: 'the request body back, as it arrives, with its content type',
    respond: ({ x }) => sendBack(x),
    streams: true,
  },
  {
    usage: 'gzip',
    does: 'a gzipped JSON success',
    respond: ({ x, wrap }) =>
      respond(x, { status: 200, encoding: 'gzip', body: wrap({ text: 'compressed '.repeat(200) }) }, 'ok'),
  },
  {
    usage: 'echo-error-words',
    does: "a success whose text quotes every vendor's words for a dead token",
    respond: ({ x, wrap }) => respond(x, { status: 200, body: wrap(ERROR_WORDS) }, 'ok'),
  },
  {
    usage: 'headers',
    does: 'the request headers as they arrived, credentials replaced',
    respond: ({ x, wrap }) => respond(x, { status: 200, body: wrap({ headers: pairs(x.entry.rawHeaders) }) }, 'ok'),
  },
];

const BY_NAME = new Map(HELPERS.map((helper) => [/^[\w-]+/.exec(helper.usage)?.[0], helper]));

/** What the helper paths are, for the help text. */
export const HELPER_PATHS = Object.fromEntries(HELPERS.map(({ usage, does }) => [usage, does]));

/** The helper path at a path given without its prefix; undefined when there is none. */
export function findHelper(path: string): HelperPath | undefined {
  const [name, argument = '', ...rest] = path.split('/');
  const helper = BY_NAME.get(name);
  if (helper === undefined || rest.length > 0) return undefined;
  if (helper.usage.endsWith('{n}')) return /^\d{1,12}$/.test(argument) ? helper : undefined;
  if (helper.usage.endsWith('{code}')) return /^[2-9]\d\d$/.test(argument) ? helper : undefined;
  return helper;
}

/** Answers at a helper path. */
export async function serveHelper(x: Exchange, helper: HelperPath, surroundings: Surroundings): Promise<void> {
  const query = new URLSearchParams(x.query);
  const asked = (name: string, otherwise: number): number => {
    const given = query.get(name);
    return given !== null && /^\d{1,9}$/.test(given) ? Number(given) : otherwise;
  };
  await helper.respond({ ...surroundings, x, n: Number(x.path.slice(x.path.lastIndexOf('/') + 1)), asked });
}

function pairs(rawHeaders: readonly string[]): Json {
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? '']] : []));
}

/** Sends the head of a good answer; false when nobody is there to read it. */
function begin(x: Exchange, headers: Record<string, string>, outcome: 'ok' | 'cut' = 'ok'): boolean {
  settle(x, outcome, null, 200);
  if (isGone(x)) return false;
  x.res.writeHead(200, headers);
  return true;
}

function end(x: Exchange): void {
  if (!isGone(x)) x.res.end();
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
  // The head goes out before the first pause: "slow body" must not look like "slow to answer".
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
  await readBody(x, (chunk) => (isGone(x) || x.res.write(chunk) ? undefined : drained(x)));
  end(x);
}
