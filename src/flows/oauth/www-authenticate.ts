/*
 * What a resource server says about a token in WWW-Authenticate (RFC 9110 §11.6.1). Read here and not by oauth4webapi:
 * its parser can only be reached through an exception, gives up at the first flaw, and takes quadratic time.
 */

/**
 * What the field says. `invalid_token`: the token is dead (RFC 6750 §3.1). `insufficient_scope` and
 * `insufficient_user_authentication` (RFC 9470): a renewal would bring the same token. `use_dpop_nonce` and
 * `invalid_dpop_proof` (RFC 9449): the token is good, the proof is not. `none`: nothing that is known.
 */
export type Challenge =
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
  | 'use_dpop_nonce'
  | 'invalid_dpop_proof'
  | 'none';

/** Where several challenges name an error, the one that spares a renewal counts. */
const BY_WEIGHT: readonly Challenge[] = [
  'use_dpop_nonce',
  'invalid_dpop_proof',
  'insufficient_user_authentication',
  'insufficient_scope',
  'invalid_token',
];
/** More would be no header field but an attack. */
const MAX_LENGTH = 16_384;
/**
 * A parameter, a scheme, or one character of something else. A quoted text without an end goes to the end of the field,
 * so that nothing is read twice.
 */
const PIECE = /([\w!#$%&'*+\-.^`|~]+)[ \t]*(?:(=)[ \t]*(?:"((?:[^"\\]|\\[^]?)*)(?:"|$)|([^\s,"]*)))?|[^]/gy;

/** What a response with this status says. `fields`: WWW-Authenticate, once or several times. */
export function challengeOf(status: number, fields: string | readonly string[] | undefined): Challenge {
  if (fields === undefined || (status !== 401 && status !== 403)) return 'none';
  const errors = new Set((typeof fields === 'string' ? [fields] : fields).flatMap(errorsIn));
  return BY_WEIGHT.find((error) => errors.has(error)) ?? 'none';
}

/** The errors of all challenges with the scheme Bearer or DPoP. */
function errorsIn(field: string): string[] {
  const errors: string[] = [];
  let ofTokens = false;
  for (const [, name, equals, quoted, plain] of field.slice(0, MAX_LENGTH).matchAll(PIECE)) {
    if (name === undefined) continue;
    if (equals === undefined) ofTokens = /^(bearer|dpop)$/i.test(name);
    else if (ofTokens && /^error$/i.test(name)) errors.push(quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '');
  }
  return errors;
}
