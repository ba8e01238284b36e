import type { FailureReason, Outcome } from '../../tokens/credential.ts';
import { isTokenText, MAX_TOKEN_LENGTH, type Grant } from '../../tokens/token.ts';
import { describeResponse, describeResponseWithBody, statusAndCode } from '../describe.ts';
import type { Flow } from '../flow.ts';
import { secondsOf } from '../notations.ts';
import { PRESETS } from '../presets.ts';
import { isDocument, retryAfterOf, type ReadResponse } from '../response.ts';
import type { TemplateValues } from '../template.ts';
import { judge, type Verdict } from '../verdict.ts';

/*
 * What a token endpoint's response means. The response validators of oauth4webapi are not used for it: they throw away
 * a whole grant, and with it the only good refresh token, for an ID token that nobody asked about, `scope` as a list,
 * `refresh_token: null` or a missing `token_type`; and of an error they show neither the code beside WWW-Authenticate,
 * which RFC 6749 §5.2 requires there, nor that of a response whose type is not exactly `application/json`.
 */

/** The flow's own rules beside those of OAuth. */
export type OauthRules = Pick<Flow, 'refused' | 'busy'>;

/** Some servers write "BearerToken". */
const BEARER = /^bearer([ _-]?token)?$/i;
const OAUTH = PRESETS['oauth2']!;

/** What a response without a grant means. `refresh`: it is about a refresh token. */
export function verdictOn(response: ReadResponse, refresh: boolean, rules: OauthRules | undefined): Verdict {
  return judge(
    (refresh ? OAUTH.refresh! : OAUTH.login!)[0]!,
    { ...OAUTH, busy: [...OAUTH.busy, ...(rules?.busy ?? [])], refused: rules?.refused ?? [] },
    response,
  );
}

/** Which token types the flow can attach. */
export type TokenType = 'bearer' | 'dpop' | 'any';

/** What a token response has come to. */
export function readOutcome(
  response: ReadResponse,
  verdict: Verdict,
  host: string,
  type: TokenType,
  values: TemplateValues,
  now: number,
): Outcome {
  const { status, raw, json } = response;
  const grant = status >= 200 && status < 300 ? readGrant(json, type) : undefined;
  if (typeof grant === 'object') return { kind: 'granted', grant };
  const retryAfter = retryAfterOf(raw, now);
  if (verdict.kind === 'busy') return { kind: 'busy', reason: verdict.reason, retryAfter: retryAfter ?? verdict.wait };
  if (verdict.kind === 'refused') return { kind: 'refused', reason: statusAndCode(response, values) };
  if (grant !== undefined)
    return failed('malformed', 'answered', true, `${grant}: ${describeResponseWithBody(host, response, values)}`);
  if (status >= 300 && status < 400)
    return failed('redirect', 'answered', false, `${host} answered ${status}, a redirect, which is not followed`);
  // After a gateway's 502 or 504 it is unknown what the endpoint behind it has done.
  return failed(
    status < 500 ? 'status_4xx' : 'status_5xx',
    'answered',
    status === 502 || status === 504,
    describeResponse(host, response, values),
    retryAfter,
  );
}

/** The grant of RFC 6749 §5.1; or a text for people, without any value of it, why there is none. */
function readGrant(body: unknown, expected: TokenType): Grant | string {
  const field = (name: string): unknown =>
    isDocument(body) && Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined;
  const [secret, type, refresh] = [field('access_token'), field('token_type'), field('refresh_token')];
  if (!isToken(secret)) return unusable(secret);
  const misfit = unfitType(type, expected);
  if (misfit !== undefined) return misfit;
  return {
    secret,
    refreshSecret: isToken(refresh) ? refresh : undefined,
    lifetime: secondsOf(field('expires_in')),
    // GitHub's name, and Keycloak's.
    refreshLifetime: secondsOf(field('refresh_token_expires_in') ?? field('refresh_expires_in')),
  };
}

function unfitType(type: unknown, expected: TokenType): string | undefined {
  if (expected === 'any') return undefined;
  // A server that ignores the proof does not say so: it gives a token that anybody can use (RFC 9449 §5).
  if (expected === 'dpop')
    return typeof type === 'string' && /^dpop$/i.test(type) ? undefined : `${named(type)}, although dpop is set`;
  // Some servers leave the type out.
  return typeof type !== 'string' || type === '' || BEARER.test(type)
    ? undefined
    : `${named(type)}, which cannot be sent as Bearer`;
}

function named(type: unknown): string {
  if (typeof type !== 'string' || type === '') return 'a token without a type';
  return /^[A-Za-z_-]{1,20}$/.test(type) ? `a token of type ${type}` : 'a token of another type';
}

function isToken(value: unknown): value is string {
  return typeof value === 'string' && isTokenText(value);
}

function unusable(value: unknown): string {
  if (value === undefined || value === null || value === '') return 'no access_token';
  if (typeof value !== 'string') return 'an access_token that is not text';
  return value.length > MAX_TOKEN_LENGTH
    ? `an access_token of more than ${MAX_TOKEN_LENGTH / 1024} KiB`
    : 'an access_token with characters that no header can carry';
}

export type FailedOutcome = Extract<Outcome, { kind: 'failed' }>;

export function failed(
  reason: FailureReason,
  reach: FailedOutcome['reach'],
  maybeSpent: boolean,
  detail: string | undefined,
  retryAfter?: number,
): FailedOutcome {
  return { kind: 'failed', reason, ...(detail !== undefined && { detail }), reach, maybeSpent, retryAfter };
}
