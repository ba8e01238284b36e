import type { Token } from '../tokens/token.ts';
import { parseJson } from './content.ts';
import { numberOf } from './notations.ts';
import type { LegacyLogin, StandIn, StandInJwt } from './schema/legacy-login.ts';
import { STAND_IN_NAME } from './stand-in.ts';
import { fillString, fillValue, own, type TemplateValues } from './template.ts';

/** What an application that logs in by itself gets in place of a token. */
export const STAND_IN = 'managed-by-tokenward';

/**
 * The response body to an application's own login. `token`: the account's; of it the answer has only what the flow
 * names, never the token itself. `now`: wall clock, ms. Throws an UnfillableError if a value is missing.
 */
export function answerLogin({ answer, make }: LegacyLogin, token: Token, now: number, standIn?: string): unknown {
  const values = { ...token.revealValues(), [STAND_IN_NAME]: standIn };
  const made = Object.fromEntries(
    Object.entries(make).map(([name, one]) => [name, valueOf(one, values, token, now)] as const),
  );
  return fillValue(answer, { ...values, ...made });
}

function valueOf(one: StandIn, values: TemplateValues, token: Token, now: number): unknown {
  if (one.time !== undefined) return timeAs(one.time, now + (one.in ?? 0) * 1000);
  if (one.jwt !== undefined) return unsignedJwt(one.jwt, values, token, now);
  const text = fillString(one.number ?? '', values);
  return text === '' ? undefined : numberOf(text);
}

function timeAs(form: NonNullable<StandIn['time']>, at: number): string | number {
  switch (form) {
    case 'unix':
      return Math.floor(at / 1000);
    case 'ms':
      return Math.floor(at);
    case 'iso':
      return new Date(at).toISOString();
    case 'http':
      return new Date(at).toUTCString();
  }
}

/** The first part of such a JWT. */
export const UNSIGNED_JWT = encoded({ typ: 'JWT', alg: 'none' });

/** RFC 7519 §6: an unsecured JWT. No upstream accepts it. */
function unsignedJwt(
  { lifetime, claims, tokenClaims }: StandInJwt,
  values: TemplateValues,
  token: Token,
  now: number,
): string {
  const issuedAt = Math.floor(now / 1000);
  const repeated = tokenClaims.length === 0 ? {} : claimsOf(token, tokenClaims);
  const all = { iat: issuedAt, exp: issuedAt + Math.ceil(lifetime), ...repeated };
  return `${UNSIGNED_JWT}.${encoded({ ...all, ...(fillValue(claims, values) as object) })}.`;
}

/** These claims of the account's own token, which is not verified. */
function claimsOf(token: Token, names: readonly string[]): Record<string, unknown> {
  const claims = parseJson(Buffer.from(token.reveal().split('.')[1] ?? '', 'base64url').toString('utf8'));
  if (typeof claims !== 'object' || claims === null) return {};
  const found = names.map((name) => [name, own(claims as TemplateValues, name)] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
