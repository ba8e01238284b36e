import type { Outcome, Reach } from '../tokens/credential.ts';
import type { Grant } from '../tokens/token.ts';
import type { Flow, TokenCall } from './flow.ts';
import { matchesAny, pointed, type Reply } from './match.ts';
import { fillForm, fillString, fillValue, MissingValue, type TemplateValues } from './template.ts';

/** A call to a token endpoint, ready to be sent. Holds secrets: never to be logged. */
export interface TokenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The complete answer. Header names in lower case. */
export interface TokenReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** The call came to no complete answer. `reason` is one of a few fixed words, fit for a metric label. */
export class TokenCallError extends Error {
  readonly reason: 'connect' | 'timeout' | 'reset' | 'too_large' | 'tls' | 'dns';
  /** False only if no byte of the request can have reached the endpoint. */
  readonly maybeSent: boolean;

  constructor(reason: TokenCallError['reason'], maybeSent: boolean) {
    super(reason);
    this.reason = reason;
    this.maybeSent = maybeSent;
  }
}

/** Sends one call, once: no retry, no redirect, at most 1 MiB of answer, at most 15 s. Rejects with a TokenCallError. */
export type SendTokenCall = (request: TokenRequest) => Promise<TokenReply>;

/** Longest token that is believed. The longest known, TWIN's refresh token, has about 1,950 characters. */
const TOKEN_MOST = 8_192;
/** A token goes into a header: visible ASCII and nothing else (a CR LF in it would be a header of its own). */
const TOKEN_TEXT = /^[\x21-\x7e]+$/;

/** Carries out one login or refresh of a flow and says what came of it. Never rejects. */
export async function runCall(call: TokenCall, flow: Flow, baseUrl: string | undefined, values: TemplateValues, send: SendTokenCall, now: () => number): Promise<Outcome> {
  let request: TokenRequest;
  try {
    request = buildRequest(call, baseUrl, values);
  } catch (error) {
    // A value is missing or does not fit: nothing was sent, and nothing will be until the configuration changes.
    return { kind: 'refused', reason: error instanceof MissingValue ? error.message : 'the call cannot be built from the configured credentials' };
  }
  let answer: TokenReply;
  try {
    answer = await send(request);
  } catch (error) {
    if (error instanceof TokenCallError) return failed(error.reason, error.maybeSent ? 'unanswered' : 'unsent', error.maybeSent);
    return failed('fault', 'unanswered', true);
  }
  const body = parse(answer.body);
  const reply: Reply = { status: answer.status, header: (name) => answer.headers[name], body: () => body };
  const ok = answer.status >= 200 && answer.status < 300;
  // Refusals first: some APIs refuse in a 200.
  const grant = ok ? readGrant(call, flow, body, values, answer, now()) : undefined;
  if (grant !== undefined) return { kind: 'granted', grant };
  if (matchesAny(call.refused, reply)) return { kind: 'refused', reason: refusal(answer.status, body, values) };
  const retryAfter = retryAfterSeconds(answer.headers['retry-after'], now());
  if (ok) return failed('malformed', 'answered', true);
  if (answer.status >= 300 && answer.status < 400) return failed('redirect', 'answered', false);
  // A gateway's 502 or 504 says nothing about what the endpoint behind it has done.
  return failed(answer.status === 429 ? 'rate_limited' : `status_${Math.floor(answer.status / 100)}xx`, 'answered', answer.status === 502 || answer.status === 504, retryAfter);
}

function failed(reason: string, reach: Reach, maybeSpent: boolean, retryAfter?: number): Outcome {
  return { kind: 'failed', reason, reach, maybeSpent, retryAfter };
}

function buildRequest(call: TokenCall, baseUrl: string | undefined, values: TemplateValues): TokenRequest {
  const path = fillString(call.url, values);
  const url = /^https?:\/\//.test(path) ? path : `${(baseUrl ?? '').replace(/\/+$/, '')}${path}`;
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'tokenward' };
  for (const [name, text] of Object.entries(call.headers)) headers[name.toLowerCase()] = fillString(text, values);
  let body: string | undefined;
  if (call.json !== undefined) {
    body = JSON.stringify(fillValue(call.json, values));
    headers['content-type'] ??= 'application/json';
  } else if (call.form !== undefined) {
    body = fillForm(call.form, values);
    headers['content-type'] ??= 'application/x-www-form-urlencoded';
  }
  return { method: call.method, url, headers, body };
}

function readGrant(call: TokenCall, flow: Flow, body: unknown, values: TemplateValues, answer: TokenReply, now: number): Grant | undefined {
  const { answer: where } = call;
  const secret = pointed(body, where.token)[0];
  if (!isToken(secret)) return undefined;
  const refresh = where.refreshToken === undefined ? undefined : pointed(body, where.refreshToken)[0];
  // By the endpoint's own clock where it tells it: then it does not matter that ours is wrong.
  const date = Date.parse(answer.headers['date'] ?? '');
  const theirNow = Number.isNaN(date) ? now : date;
  const stated = flow.lifetimeFrom === undefined ? undefined : number(values[flow.lifetimeFrom]);
  const limit = stated ?? flow.lifetime;
  const told = [
    where.expiresIn === undefined ? undefined : number(pointed(body, where.expiresIn)[0]),
    where.expiresAt === undefined ? undefined : secondsUntil(pointed(body, where.expiresAt)[0], theirNow),
    where.jwt === true ? jwtLifetime(secret, theirNow) : undefined,
    limit,
  ].filter((value) => value !== undefined);
  return {
    secret,
    refreshSecret: isToken(refresh) ? refresh : undefined,
    lifetime: told.length === 0 ? undefined : Math.min(...told),
    refreshLifetime: (where.refreshExpiresIn === undefined ? undefined : number(pointed(body, where.refreshExpiresIn)[0]))
      ?? (where.refreshExpiresAt === undefined ? undefined : secondsUntil(pointed(body, where.refreshExpiresAt)[0], theirNow)),
  };
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TOKEN_MOST && TOKEN_TEXT.test(value);
}

function number(value: unknown): number | undefined {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined;
}

/** Unix seconds, unix milliseconds (anything beyond the year 5138 in seconds), or an ISO date. */
function secondsUntil(value: unknown, now: number): number | undefined {
  const parsed = number(value);
  if (parsed !== undefined) return (parsed > 1e11 ? parsed : parsed * 1000) / 1000 - now / 1000;
  const date = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : (date - now) / 1000;
}

/** The life a JWT states for itself. Unverified: it is the upstream that judges its tokens, we only plan by it. */
function jwtLifetime(token: string, now: number): number | undefined {
  const claims = parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const exp = number(pointed(claims, '/exp')[0]);
  if (exp === undefined) return undefined;
  const left = exp - now / 1000;
  const iat = number(pointed(claims, '/iat')[0]);
  // Fresh, yet over by our clock: then it is the clock that is wrong.
  return left <= 0 && iat !== undefined ? exp - iat : left;
}

function retryAfterSeconds(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = number(value) ?? (Date.parse(value) - now) / 1000;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

/** What an operator sees of a refusal: the status and a short error code, if there is a plain one. Never the body: it may quote what we sent. */
function refusal(status: number, body: unknown, values: TemplateValues): string {
  const code = ['/error/code', '/errors/0/error', '/error'].map((at) => pointed(body, at)[0]).find((value) => typeof value === 'string' || typeof value === 'number');
  const text = String(code);
  const plain = code !== undefined && /^[A-Za-z0-9_]{1,40}$/.test(text) && !Object.values(values).some((value) => quotes(text, String(value)));
  return plain ? `status ${status}, code ${text}` : `status ${status}`;
}

/** True if the text repeats something of a value: six characters in a row, or all of it if one of the two is shorter (values of up to three characters are no secrets). */
function quotes(text: string, value: string): boolean {
  const length = Math.min(text.length, Math.max(4, Math.min(6, value.length)));
  for (let from = 0; from + length <= text.length; from += 1) if (value.includes(text.slice(from, from + length))) return true;
  return false;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) as unknown;
  } catch {
    return undefined;
  }
}
