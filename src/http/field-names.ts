/*
 * The names of header fields that tokenward treats specially, each spelt as in RFC 9110 or common use.
 */

/** RFC 9110 §7.6.1, and Expect, which Node has handled already. */
export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization',
  'expect',
];
/** The client's own credentials are never forwarded, not even stale ones. */
export const CLIENT_CREDENTIALS: readonly string[] = [
  'authorization',
  'authorizationjwt',
  'refresh',
  'x-tokenward-key',
];
/** Carries the caller's key if callers have keys; otherwise it belongs to the application. */
export const API_KEY = 'x-api-key';
/** Set by tokenward itself. */
export const SET_BY_TOKENWARD: readonly string[] = ['host', 'content-length', 'via'];
/** They would tell the vendor about the internal network, and a spoofed one must not pass as ours. */
export const FORWARDING: readonly string[] = ['forwarded', 'x-real-ip'];
/** All of X-Forwarded-*; there is no complete list. */
export const X_FORWARDED_PREFIX = 'xforwarded';
/** Added by tokenward, on routes with `forwarded: add`. */
export const X_FORWARDED: readonly string[] = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];
/**
 * Fields that name another method or target than the request line. Frameworks obey them, which would bypass a check of
 * the request line (a policy, the refusal of logins).
 */
export const METHOD_OVERRIDES: readonly string[] = [
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-method',
  'x-forwarded-method',
  'x-override-method',
  'x-http-override',
  'http-method-override',
  'method-override',
  'x-rewrite-method',
  'x-real-method',
  'x-envoy-original-method',
];
export const TARGET_OVERRIDES: readonly string[] = [
  'x-original-url',
  'x-original-uri',
  'x-original-path',
  'x-rewrite-url',
  'x-rewrite-uri',
  'x-rewrite-path',
  'x-override-url',
  'x-override-uri',
  'x-http-path-override',
  'x-envoy-original-path',
  'x-envoy-original-url',
  'x-forwarded-uri',
  'x-forwarded-url',
  'x-forwarded-path',
  'x-real-url',
  'x-real-uri',
  'x-request-uri',
  'x-http-destinationurl',
  'request-uri',
  'x-accel-redirect',
  'x-waws-unencoded-url',
  'x-url-override',
];
/** Challenges are about credentials that the client does not have. */
export const CHALLENGES: readonly string[] = [
  'www-authenticate',
  'proxy-authenticate',
  'authentication-info',
  'proxy-authentication-info',
];
export const COOKIES: readonly string[] = ['set-cookie', 'set-cookie2'];
/** All of X-Tokenward-*: clients trust these fields to come from tokenward, so an upstream must not send them. */
export const TOKENWARD_PREFIX = 'xtokenward';

/** Some servers read `_` as `-`, so both are treated as the same name. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replaceAll('_', '').replaceAll('-', '');
}

/** Whether a name is in the list, regardless of case, `-` and `_`. */
export function nameMatcher(list: readonly string[]): (name: string) => boolean {
  const known = new Set(list.map(normalizeName));
  return (name) => known.has(normalizeName(name));
}
