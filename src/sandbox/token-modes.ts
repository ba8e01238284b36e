import { pause, reset, respond, settle, writePieces, type Exchange } from './exchange.ts';
import { isObject, type Json } from './json.ts';
import { JSON_TYPE, type CustomResponse } from './response.ts';

/** What a mode needs to know of a login or refresh. */
interface ModeRequest {
  readonly x: Exchange;
  /** What the vendor responds usually, with the pair; null in a mode that issues none. */
  readonly body: Json;
  readonly settings: { readonly slowMs: number; readonly dripMs: number };
}

/** What a login or refresh comes to. */
interface Mode {
  /** `broken`: no pair is issued. */
  readonly outcome: 'ok' | 'lost-answer' | 'broken';
  /** The response; undefined if there is none, or if it has been sent already. */
  readonly respond: (request: ModeRequest) => CustomResponse | undefined | Promise<CustomResponse | undefined>;
}

const PAGE =
  '<!doctype html><html><head><title>Sign in</title></head><body><h1>We will be right back</h1></body></html>\n';

const MODES = {
  /** As the vendor does. */
  normal: { outcome: 'ok', respond: ({ body }) => ok(body) },
  /** The response says nothing of lifetimes, and a JWT has no `exp`: the body comes that way. */
  'no-lifetime': { outcome: 'ok', respond: ({ body }) => ok(body) },
  /** Responds after `slowMs`. */
  slow: { outcome: 'ok', respond: ({ body, settings }) => pause(settings.slowMs).then(() => ok(body)) },
  /** The connection is reset instead of a response. */
  'commit-then-reset': { outcome: 'lost-answer', respond: cut },
  /** A right response padded to 2 MiB. */
  huge: {
    outcome: 'ok',
    respond: ({ body }) => ok({ ...(isObject(body) ? body : {}), padding: 'x'.repeat(2 * 1_048_576) }),
  },
  /** One byte every `dripMs`. */
  drip: { outcome: 'ok', respond: drip },
  'status-500': { outcome: 'broken', respond: () => ({ status: 500, body: { error: 'Internal Server Error' } }) },
  'html-200': { outcome: 'broken', respond: () => ok(PAGE, 'text/html; charset=utf-8') },
  'empty-200': { outcome: 'broken', respond: () => ok('', 'application/json') },
  /** 307 asks the client to send the credentials again, to another host by name: following it is the mistake. */
  redirect: { outcome: 'broken', respond: ({ x }) => ({ status: 307, headers: { location: elsewhere(x) } }) },
  reset: { outcome: 'broken', respond: cut },
  hang: { outcome: 'broken', respond: () => undefined },
} satisfies Record<string, Mode>;

/** How a login or refresh behaves: a mode by its name, or a response of your own without issuing anything. */
export type TokenRequestMode = keyof typeof MODES | CustomResponse;

/** The modes that have a name. */
export const NAMED_MODES = Object.keys(MODES) as (keyof typeof MODES)[];

/** True if a login or refresh issues a pair in this mode. */
export function issues(mode: TokenRequestMode): boolean {
  return typeof mode === 'string' && MODES[mode].outcome !== 'broken';
}

/** Responds to a login or refresh in the way that the mode says. */
export async function respondInMode(mode: TokenRequestMode, request: ModeRequest): Promise<void> {
  if (typeof mode === 'object') {
    respond(request.x, mode, 'broken', 'custom');
    return;
  }
  const { outcome, respond: respondTo }: Mode = MODES[mode];
  const reason = mode === 'normal' ? null : mode;
  settle(request.x, outcome, reason);
  const response = await respondTo(request);
  if (response !== undefined) respond(request.x, response, outcome, reason);
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

function ok(body: Json, type = JSON_TYPE): CustomResponse {
  return { status: 200, headers: { 'content-type': type }, body };
}

function cut({ x }: ModeRequest): undefined {
  reset(x);
}

async function drip({ x, body, settings }: ModeRequest): Promise<undefined> {
  const bytes = Buffer.from(JSON.stringify(body));
  x.entry.status = 200;
  x.res.writeHead(200, { 'content-type': JSON_TYPE, 'content-length': String(bytes.length) });
  await writePieces(x, bytes, 1, settings.dripMs);
}

function elsewhere(x: Exchange): string {
  const url = new URL(x.path, x.origin);
  url.hostname = 'localhost';
  url.search = '?redirected=1';
  return url.href;
}
