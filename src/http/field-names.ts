/*
 * The names of header fields that tokenward treats in a way of its own, each as RFC 9110 or common use writes it.
 */

/** RFC 9110 §7.6.1, and Expect, which Node has already answered. */
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
/** The caller's own credentials never travel, however stale they are. */
export const CLIENT_CREDENTIALS: readonly string[] = [
  'authorization',
  'authorizationjwt',
  'refresh',
  'x-tokenward-key',
];
/** Where callers have keys, this may be one of them; where they have none, it is the application's own. */
export const API_KEY = 'x-api-key';
/** What we set ourselves. */
export const SET_BY_TOKENWARD: readonly string[] = ['host', 'content-length', 'via'];
/** Who called from where inside is nothing the vendor has to know, and a spoofed one must not pass as ours. */
export const FORWARDING: readonly string[] = ['forwarded', 'x-real-ip'];
/** All of X-Forwarded-*, which has no end of members. */
export const X_FORWARDED_PREFIX = 'xforwarded';
/** What we say of the caller ourselves, on routes that want it. */
export const X_FORWARDED: readonly string[] = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];
/**
 * Fields by which a request says that it means another method or another target than its first line. Frameworks obey
 * them, and whoever judges the first line (a policy, a refusal of logins) would be stepped over.
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
/** Challenges are about a credential that the caller does not have. */
export const CHALLENGES: readonly string[] = [
  'www-authenticate',
  'proxy-authenticate',
  'authentication-info',
  'proxy-authentication-info',
];
export const COOKIES: readonly string[] = ['set-cookie', 'set-cookie2'];
/** All of X-Tokenward-*: by these fields a caller knows what we say ourselves, so nobody else says anything by them. */
export const TOKENWARD_PREFIX = 'xtokenward';

/** Some servers read `_` as `-`, so a look-alike is treated as what it looks like. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replaceAll('_', '').replaceAll('-', '');
}

/** Whether one of these is meant by a name, in whatever spelling. */
export function nameMatcher(list: readonly string[]): (name: string) => boolean {
  const known = new Set(list.map(normalizeName));
  return (name) => known.has(normalizeName(name));
}
