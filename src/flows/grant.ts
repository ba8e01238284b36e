import { isTokenText, MAX_TOKEN_LENGTH, type Grant } from '../tokens/token.ts';
import { attachable } from './attach.ts';
import type { Flow, TokenCall } from './flow.ts';
import { pointed } from './match.ts';
import { numberOf, secondsOf, secondsUntil } from './notations.ts';
import { parseJson } from './response.ts';
import type { TemplateValues } from './template.ts';

/** Some servers write "BearerToken". */
const BEARER = /^bearer([ _-]?token)?$/i;

/**
 * The grant in a response with status 2xx; or a text for people, without any value of it, why it grants nothing. `now`:
 * wall clock, ms.
 */
export function readGrant(
  call: TokenCall,
  flow: Flow,
  body: unknown,
  values: TemplateValues,
  date: string | undefined,
  now: number,
): Grant | string {
  const { answer: pointers } = call;
  const secret = pointed(body, pointers.token)[0];
  if (!isToken(secret)) return `${unusable(secret)} at ${pointers.token}`;
  if (!attachable(flow.attach, secret))
    return `the token at ${pointers.token} holds characters that a cookie cannot carry`;
  const type = pointers.tokenType === undefined ? undefined : pointed(body, pointers.tokenType)[0];
  if (typeof type === 'string' && type !== '' && !BEARER.test(type)) {
    const named = /^[A-Za-z_-]{1,20}$/.test(type) ? `a token of type ${type}` : 'a token of another type';
    return `${named}, which cannot be sent as Bearer`;
  }
  const refresh = pointers.refreshToken === undefined ? undefined : pointed(body, pointers.refreshToken)[0];
  // By the endpoint's own clock (its Date) where there is one, so that an error of this clock does not matter.
  const endpointDate = Date.parse(date ?? '');
  const endpointNow = Number.isNaN(endpointDate) ? now : endpointDate;
  const requestedLifetime =
    flow.lifetimeFrom === undefined
      ? undefined
      : secondsOf(Object.hasOwn(values, flow.lifetimeFrom) ? values[flow.lifetimeFrom] : undefined);
  const lengthAt = (at: string | undefined): number | undefined =>
    at === undefined ? undefined : secondsOf(pointed(body, at)[0]);
  const untilAt = (at: string | undefined): number | undefined =>
    at === undefined ? undefined : secondsUntil(pointed(body, at)[0], endpointNow);
  const lifetimes = [
    lengthAt(pointers.expiresIn),
    untilAt(pointers.expiresAt),
    pointers.jwt === true ? jwtLifetime(secret, endpointNow) : undefined,
    requestedLifetime ?? flow.lifetime,
  ].filter((value) => value !== undefined);
  return {
    secret,
    refreshSecret: isToken(refresh) ? refresh : undefined,
    lifetime: lifetimes.length === 0 ? undefined : Math.min(...lifetimes),
    refreshLifetime: lengthAt(pointers.refreshExpiresIn) ?? untilAt(pointers.refreshExpiresAt),
  };
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
