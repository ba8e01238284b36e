import { isJsonObject } from './answer.ts';
import type { Json } from './answer.ts';
import type { AnswerPatch, TokenCallMode } from './knobs.ts';
import { cut, pause, reply, settle, writePieces } from './http.ts';
import type { Exchange } from './http.ts';

type NamedMode = Exclude<TokenCallMode, object>;

const HUGE_BYTES = 2 * 1_048_576;
const PAGE = '<!doctype html><html><head><title>Sign in</title></head><body><h1>We will be right back</h1></body></html>\n';

/** What the ways of misbehaving need to know. */
export interface Timing {
  readonly slowMs: number;
  readonly dripMs: number;
  readonly redirectTo: string | null;
}

/**
 * Answers a token call that is spoilt before anything is issued. False when this mode does issue
 * something, and the call must go on.
 */
export function spoil(x: Exchange, mode: TokenCallMode, timing: Timing): boolean {
  if (typeof mode === 'object') {
    reply(x, mode, 'broken', 'custom');
    return true;
  }
  switch (mode) {
    case 'status-500':
      reply(x, { status: 500, body: { error: 'Internal Server Error' } }, 'broken', mode);
      return true;
    case 'html-200':
      reply(x, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: PAGE }, 'broken', mode);
      return true;
    case 'empty-200':
      reply(x, { status: 200, headers: { 'content-type': 'application/json' }, body: '' }, 'broken', mode);
      return true;
    case 'redirect':
      // 307 asks the client to send the credentials again, to another host by name: following it is the mistake.
      reply(x, { status: 307, headers: { location: timing.redirectTo ?? elsewhere(x) } }, 'broken', mode);
      return true;
    case 'reset':
      settle(x, 'broken', mode, null);
      cut(x, 'reset');
      return true;
    case 'hang':
      settle(x, 'broken', mode, null);
      return true;
    case 'normal':
    case 'no-lifetime':
    case 'slow':
    case 'commit-then-reset':
    case 'huge':
    case 'drip':
      return false;
  }
}

/** Gives out a pair that has been issued, in the way the mode says. */
export async function giveOut(x: Exchange, mode: NamedMode, body: Json, timing: Timing): Promise<void> {
  switch (mode) {
    case 'commit-then-reset':
      settle(x, 'lost-answer', mode, null);
      cut(x, 'reset');
      return;
    case 'slow':
      settle(x, 'ok', mode, null);
      await pause(timing.slowMs);
      reply(x, { status: 200, body }, 'ok', mode);
      return;
    case 'huge': {
      const padding = 'x'.repeat(HUGE_BYTES);
      const padded = isJsonObject(body) ? { ...body, padding } : body;
      reply(x, { status: 200, body: padded }, 'ok', mode);
      return;
    }
    case 'drip': {
      const bytes = Buffer.from(JSON.stringify(body));
      settle(x, 'ok', mode, 200);
      x.res.writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(bytes.length),
      });
      await writePieces(x, bytes, 1, timing.dripMs);
      return;
    }
    case 'normal':
    case 'no-lifetime':
    case 'status-500':
    case 'html-200':
    case 'empty-200':
    case 'redirect':
    case 'reset':
    case 'hang':
      reply(x, { status: 200, body }, 'ok', mode === 'normal' ? null : mode);
      return;
  }
}

/** Sets the dotted paths of a patch in a JSON value. */
export function applyPatch(body: Json, patch: AnswerPatch): Json {
  let result = body;
  for (const [path, value] of Object.entries(patch)) result = setAt(result, path.split('.'), value);
  return result;
}

function setAt(target: Json, path: readonly string[], value: Json | undefined): Json {
  const [name, ...rest] = path;
  if (name === undefined) return value ?? null;
  const fields: Record<string, Json> = isJsonObject(target) ? target : {};
  if (rest.length > 0) return { ...fields, [name]: setAt(fields[name] ?? null, rest, value) };
  if (value !== undefined) return { ...fields, [name]: value };
  return Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name));
}

function elsewhere(x: Exchange): string {
  const url = new URL(x.path, x.origin);
  url.hostname = 'localhost';
  url.search = '?redirected=1';
  return url.href;
}
