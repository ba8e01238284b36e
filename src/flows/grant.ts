import { isTokenText, MAX_TOKEN_LENGTH, type Grant, type NamedValues } from '../tokens/token.ts';
import { attachProblem } from './attach.ts';
import { parseJson } from './content.ts';
import type { Flow, TokenCall } from './flow.ts';
import { locate, unitOf } from './locator.ts';
import { dispensableNames, keptNames } from './names.ts';
import { numberOf, secondsOf, secondsUntil } from './notations.ts';
import { pointed } from './pointer.ts';
import type { ReadResponse } from './response.ts';
import { RESERVED } from './schema/call.ts';
import { own, type TemplateValues } from './template.ts';

/** Some servers write "BearerToken". */
const BEARER = /^bearer([ _-]?token)?$/i;

/** What calls have brought so far. */
export interface Found {
  readonly secret: string | undefined;
  readonly refreshSecret: string | undefined;
  /** Lives that responses have stated, in seconds; the shortest counts. */
  readonly lifetimes: readonly number[];
  readonly refreshLifetime: number | undefined;
  readonly values: NamedValues;
}

export const NOTHING: Found = {
  secret: undefined,
  refreshSecret: undefined,
  lifetimes: [],
  refreshLifetime: undefined,
  values: {},
};

/** A value beside the token: longer ones would not fit into a request. */
const MAX_VALUE_LENGTH = 16_384;

/**
 * `before` with what a response with status 2xx brings; or a text for people, without any value of it, why it brings
 * too little. `known`: values that may be missing here, because an earlier response has brought them. `now`: wall
 * clock, ms. `needs`: a value of this name that is missing or unusable is one thing too little; otherwise it is left
 * out.
 */
export function readAnswer(
  call: Pick<TokenCall, 'answer'>,
  response: ReadResponse,
  before: Found,
  known: NamedValues,
  now: number,
  needs: (name: string) => boolean,
): Found | string {
  const { answer } = call;
  const at = (place: string | undefined): unknown => (place === undefined ? undefined : locate(place, response)[0]);
  const secret = at(answer.token);
  if (answer.token !== undefined && !isToken(secret)) return `${unusable(secret)} at ${answer.token}`;
  const type = at(answer.tokenType);
  if (typeof type === 'string' && type !== '' && !BEARER.test(type)) {
    const named = /^[A-Za-z_-]{1,20}$/.test(type) ? `a token of type ${type}` : 'a token of another type';
    return `${named}, which cannot be sent as Bearer`;
  }
  const values: Record<string, string> = {};
  for (const [name, place] of valuesIn(answer)) {
    const value = textOf(at(place));
    if (typeof value === 'string') values[name] = value;
    else if (!needs(name)) continue;
    else if (value.problem !== undefined) return `${value.problem} at ${place}`;
    else if (!Object.hasOwn(known, name)) return `nothing at ${place}`;
  }
  // By the endpoint's own clock (its Date) where there is one, so that an error of this clock does not matter.
  const endpointDate = Date.parse(response.raw.headers['date'] ?? '');
  const endpointNow = Number.isNaN(endpointDate) ? now : endpointDate;
  const lengthAt = (place: string | undefined): number | undefined => {
    const seconds = secondsOf(at(place));
    return seconds === undefined ? undefined : seconds * unitOf(place!);
  };
  const untilAt = (place: string | undefined): number | undefined => secondsUntil(at(place), endpointNow);
  const token = isToken(secret) ? secret : before.secret;
  const refresh = at(answer.refreshToken);
  const lifetimes = [
    lengthAt(answer.expiresIn),
    untilAt(answer.expiresAt),
    answer.jwt === true && token !== undefined ? jwtLifetime(token, endpointNow) : undefined,
  ].filter((value) => value !== undefined);
  return {
    secret: token,
    refreshSecret: isToken(refresh) ? refresh : before.refreshSecret,
    lifetimes: [...before.lifetimes, ...lifetimes],
    refreshLifetime: lengthAt(answer.refreshExpiresIn) ?? untilAt(answer.refreshExpiresAt) ?? before.refreshLifetime,
    values: { ...before.values, ...values },
  };
}

/** Whether a renewal needs the value of this name. */
export function needsOf(flow: Flow): (name: string) => boolean {
  const dispensable = dispensableNames(flow);
  return (name) => !dispensable.has(name);
}

/** The values beside the token, with their places. */
function valuesIn(answer: TokenCall['answer']): (readonly [name: string, place: string])[] {
  return Object.entries(answer).flatMap(([name, place]) =>
    typeof place !== 'string' || (RESERVED as readonly string[]).includes(name) ? [] : [[name, place] as const],
  );
}

/**
 * The grant that the calls of a flow have brought, or a text for people why they bring none. `known`: what the token
 * before it came with.
 */
export function grantOf(flow: Flow, found: Found, known: NamedValues, values: TemplateValues): Grant | string {
  const { secret, refreshSecret, refreshLifetime } = found;
  if (secret === undefined) return 'no token';
  const all = { ...values, ...known, ...found.values, token: secret };
  const problem = attachProblem(flow, all);
  if (problem !== undefined) return problem;
  const requested = flow.lifetimeFrom === undefined ? undefined : secondsOf(own(values, flow.lifetimeFrom));
  const limit = requested ?? lifetimeOf(flow.lifetime, all);
  const lifetimes = limit === undefined ? found.lifetimes : [...found.lifetimes, limit];
  const kept = keptNames(flow);
  return {
    secret,
    refreshSecret,
    lifetime: lifetimes.length === 0 ? undefined : Math.min(...lifetimes),
    refreshLifetime,
    values: Object.fromEntries(Object.entries(found.values).filter(([name]) => kept.has(name))),
  };
}

/** A flow's lifetime in seconds: a number, or the {name} of a value. */
function lifetimeOf(lifetime: Flow['lifetime'], values: TemplateValues): number | undefined {
  if (typeof lifetime !== 'string') return lifetime;
  return secondsOf(own(values, lifetime.slice(1, -1)));
}

/** A value as text. No problem and no text: there is none. */
function textOf(value: unknown): string | { readonly problem: string | undefined } {
  if (value === undefined || value === null || value === '') return { problem: undefined };
  if (typeof value === 'object') return { problem: Array.isArray(value) ? 'a list' : 'an object' };
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length > MAX_VALUE_LENGTH) return { problem: `a value of more than ${MAX_VALUE_LENGTH / 1024} KiB` };
  return /[\x00-\x1f\x7f]/.test(text) ? { problem: 'a value with control characters' } : text;
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && isTokenText(value);
}

function unusable(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'no token';
  if (Array.isArray(value)) return 'no token but a list';
  if (typeof value !== 'string') return `no token but ${typeof value === 'object' ? 'an object' : `a ${typeof value}`}`;
  return value.length > MAX_TOKEN_LENGTH
    ? `a token of more than ${MAX_TOKEN_LENGTH / 1024} KiB`
    : 'a token with characters that no header can carry';
}

/** The life that a JWT states, in seconds. Not verified: the upstream verifies its tokens, this only times renewals. */
function jwtLifetime(token: string, now: number): number | undefined {
  const claims = parseJson(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  const exp = numberOf(pointed(claims, '/exp')[0]);
  if (exp === undefined || exp <= 0) return undefined;
  const left = exp - now / 1000;
  const iat = numberOf(pointed(claims, '/iat')[0]);
  // A new token that has expired by this clock: then the clock is wrong.
  return left <= 0 && iat !== undefined ? exp - iat : left;
}
