import { pause, reset, respond, settle, writePieces, type Exchange } from './exchange.ts';
import { isObject, type Json } from './json.ts';
import type { CustomResponse } from './response.ts';

/** What the ways of misbehaving need to know. */
export interface Timing {
  readonly slowMs: number;
  readonly dripMs: number;
}

const HUGE_BYTES = 2 * 1_048_576;
const PAGE =
  '<!doctype html><html><head><title>Sign in</title></head><body><h1>We will be right back</h1></body></html>\n';

/** Ways in which a login or refresh issues a pair, and how the pair is given out. */
const ISSUING = {
  /** As the vendor does. */
  normal: async (x, body) => respond(x, { status: 200, body }, 'ok'),
  /** The answer says nothing of lifetimes, and a JWT has no `exp`: the body comes that way. */
  'no-lifetime': async (x, body) => respond(x, { status: 200, body }, 'ok', 'no-lifetime'),
  /** Answers after `slowMs`. */
  slow: async (x, body, { slowMs }) => {
    settle(x, 'ok', 'slow');
    await pause(slowMs);
    respond(x, { status: 200, body }, 'ok', 'slow');
  },
  /** The connection is reset instead of an answer. */
  'commit-then-reset': async (x) => {
    settle(x, 'lost-answer', 'commit-then-reset');
    reset(x);
  },
  /** A right answer padded to 2 MiB. */
  huge: async (x, body) => {
    const padded = isObject(body) ? { ...body, padding: 'x'.repeat(HUGE_BYTES) } : body;
    respond(x, { status: 200, body: padded }, 'ok', 'huge');
  },
  /** One byte every `dripMs`. */
  drip: async (x, body, { dripMs }) => {
    const bytes = Buffer.from(JSON.stringify(body));
    settle(x, 'ok', 'drip');
    x.entry.status = 200;
    x.res.writeHead(200, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(bytes.length),
    });
    await writePieces(x, bytes, 1, dripMs);
  },
} satisfies Record<string, (x: Exchange, body: Json, timing: Timing) => Promise<void>>;

/** Ways in which it issues nothing, and what is answered instead, if anything is. */
const SPOILT = {
  'status-500': () => ({ status: 500, body: { error: 'Internal Server Error' } }),
  'html-200': () => ({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: PAGE }),
  'empty-200': () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: '' }),
  /** 307 asks the client to send the credentials again, to another host by name: following it is the mistake. */
  redirect: (x) => ({ status: 307, headers: { location: elsewhere(x) } }),
  reset: (x) => {
    reset(x);
    return undefined;
  },
  hang: () => undefined,
} satisfies Record<string, (x: Exchange) => CustomResponse | undefined>;

/** A mode in which a pair is issued. */
export type IssuingMode = keyof typeof ISSUING;

/** A mode in which nothing is issued; instead of a name, an answer of your own. */
export type SpoiltMode = keyof typeof SPOILT | CustomResponse;

/** How a login or refresh behaves. */
export type TokenRequestMode = IssuingMode | SpoiltMode;

/** The modes that have a name. */
export const NAMED_MODES = [...Object.keys(ISSUING), ...Object.keys(SPOILT)] as Exclude<TokenRequestMode, object>[];

/** True if a token call issues a pair in this mode. */
export function issues(mode: TokenRequestMode): mode is IssuingMode {
  return typeof mode === 'string' && Object.hasOwn(ISSUING, mode);
}

/** Answers a token call, or leaves it without an answer, before anything is issued. */
export function spoil(x: Exchange, mode: SpoiltMode): void {
  if (typeof mode === 'object') {
    respond(x, mode, 'broken', 'custom');
    return;
  }
  settle(x, 'broken', mode);
  const answer = SPOILT[mode](x);
  if (answer !== undefined) respond(x, answer, 'broken', mode);
}

/** Gives out a pair that has been issued, in the way the mode says. */
export function giveOut(x: Exchange, mode: IssuingMode, body: Json, timing: Timing): Promise<void> {
  return ISSUING[mode](x, body, timing);
}

/** Sets the dotted paths of a patch in a JSON value; `undefined` removes a field. */
export function applyPatch(body: Json, patch: Readonly<Record<string, Json | undefined>>): Json {
  return Object.entries(patch).reduce((result, [path, value]) => setAt(result, path.split('.'), value) ?? null, body);
}

function setAt(
  target: Json | undefined,
  [name, ...rest]: readonly string[],
  value: Json | undefined,
): Json | undefined {
  if (name === undefined) return value;
  const fields = isObject(target) ? target : {};
  return { ...fields, [name]: setAt(fields[name], rest, value) };
}

function elsewhere(x: Exchange): string {
  const url = new URL(x.path, x.origin);
  url.hostname = 'localhost';
  url.search = '?redirected=1';
  return url.href;
}
