import type { Attachment } from '../flows/attach.ts';
import {
  API_KEY,
  CLIENT_CREDENTIALS,
  CHALLENGES,
  COOKIES,
  FORWARDING,
  X_FORWARDED_PREFIX,
  HOP_BY_HOP,
  METHOD_OVERRIDES,
  SET_BY_TOKENWARD,
  TOKENWARD_PREFIX,
  normalizeName,
  TARGET_OVERRIDES,
} from '../http/field-names.ts';
import { REQUEST_ID } from '../http/request-id.ts';
import { memoize } from '../http/memoize.ts';
import { parseUrl } from '../parse-url.ts';
import type { Route } from './route.ts';
import { clientCookie, upstreamCookies } from './set-cookie.ts';

const ALWAYS_DROPPED = [...HOP_BY_HOP, ...CLIENT_CREDENTIALS, ...SET_BY_TOKENWARD];

/** A test for field names: whether a name is in the list or begins with the prefix. */
function nameFilter(names: readonly string[], family?: string): (name: string) => boolean {
  const dropped = new Set(names.map(normalizeName));
  return memoize(
    (name) => dropped.has(normalizeName(name)) || (family !== undefined && normalizeName(name).startsWith(family)),
  );
}

/** A route's settings for request fields. */
interface FieldRules {
  /** Forward Forwarded, X-Forwarded-* and the like. */
  readonly forwarding: boolean;
  /** Forward fields that name another method or target than the request line. */
  readonly overrides: boolean;
  /** Further names to drop: those meant for tokenward, and those that the route sets. */
  readonly extra: readonly string[];
  /** Forward X-Api-Key, as no caller has a key. Default: dropped. */
  readonly apiKey?: boolean;
}

const filterCache = new Map<string, (name: string) => boolean>();

/** A test for request fields to drop. Routes with the same rules share its cache. */
export function requestFieldFilter(rules: FieldRules): (name: string) => boolean {
  const key = JSON.stringify(rules);
  let dropsField = filterCache.get(key);
  if (dropsField === undefined) {
    const { forwarding, overrides, extra, apiKey = false } = rules;
    dropsField = nameFilter(
      [
        ...ALWAYS_DROPPED,
        ...extra,
        ...(apiKey ? [] : [API_KEY]),
        ...(overrides ? [] : [...METHOD_OVERRIDES, ...TARGET_OVERRIDES]),
        ...(forwarding ? [] : FORWARDING),
      ],
      forwarding ? undefined : X_FORWARDED_PREFIX,
    );
    filterCache.set(key, dropsField);
  }
  return dropsField;
}
const filterWithoutCookies = nameFilter([...HOP_BY_HOP, ...CHALLENGES, ...COOKIES], TOKENWARD_PREFIX);
const filterWithCookies = nameFilter([...HOP_BY_HOP, ...CHALLENGES], TOKENWARD_PREFIX);

/** Codings that can be decoded. Others are removed from Accept-Encoding on routes that inspect response bodies. */
const READABLE_CODINGS = /^(gzip|x-gzip|deflate|br|identity)\b/i;

const NONE: readonly string[] = [];

const isMethodOverride = nameFilter(METHOD_OVERRIDES);
const isTargetOverride = nameFilter(TARGET_OVERRIDES);

/** The methods and targets that override fields name, in their order. */
export function overridesOf(raw: readonly string[]): {
  readonly methods: readonly string[];
  readonly targets: readonly string[];
} {
  const methods: string[] = [];
  const targets: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (isMethodOverride(raw[i]!)) methods.push(...raw[i + 1]!.split(',').map((method) => method.trim().toUpperCase()));
    else if (isTargetOverride(raw[i]!)) targets.push(raw[i + 1]!);
  }
  return { methods, targets };
}

/**
 * Fields that `Connection` lists, in lower case. They are dropped before ours are added, so that a client cannot have
 * ours removed.
 */
function connectionListed(raw: readonly string[]): ReadonlySet<string> | undefined {
  let listed: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const value = raw[i + 1]!;
    if (value === 'keep-alive' || value === 'close') continue;
    for (const part of value.split(',')) (listed ??= new Set()).add(part.trim().toLowerCase());
  }
  return listed;
}

/**
 * The header fields for the upstream: names and values in turn, in the client's order and spelling, without those that
 * `route.dropsField` names: the attachment and the route's own fields replace them. `forwarded` are the X-Forwarded
 * fields that we add.
 */
export function requestHeaders(
  raw: readonly string[],
  route: Route,
  attachment: Attachment | undefined,
  viaName: string,
  forwarded: readonly string[] = [],
): string[] {
  const headers: string[] = ['host', route.host];
  const { dropsField } = route;
  const listed = connectionListed(raw);
  const ownCookies = attachment === undefined || attachment.cookies.length === 0 ? undefined : attachment.cookies;
  const rewritesCookies = route.config.setCookie === 'pass';
  let cookies = '';
  let via = `1.1 ${viaName}`;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.length === 3 && name.toLowerCase() === 'via') via = `${tokenwardsIn(raw[i + 1]!)}${via}`;
    if (dropsField(name)) continue;
    if (listed !== undefined && listed.has(name.toLowerCase())) continue;
    let value = raw[i + 1]!;
    if (name.length === 15 && route.rejectedToken?.readsBody === true && name.toLowerCase() === 'accept-encoding')
      value = readableCodings(value);
    if ((ownCookies !== undefined || rewritesCookies) && name.length === 6 && name.toLowerCase() === 'cookie') {
      if (rewritesCookies) value = upstreamCookies(value);
      if (ownCookies !== undefined) {
        cookies += cookiesExcept(value, ownCookies);
        continue;
      }
    }
    headers.push(name, value);
  }
  // RFC 9110 §7.6.3: a gateway adds itself to Via. The entry holds only its name, by which we recognise a loop.
  headers.push('via', via);
  headers.push(...forwarded);
  if (route.addedFields !== undefined) headers.push(...route.addedFields);
  if (attachment !== undefined) headers.push(...attachment.headers);
  if (ownCookies !== undefined) headers.push('cookie', cookies + ownCookies.join('; '));
  return headers;
}

/**
 * The Via entries of other tokenwards. Other intermediaries do not concern the upstream, but these must be forwarded:
 * without them, two tokenwards that lead to each other would never detect the loop.
 */
function tokenwardsIn(value: string): string {
  return (value.match(/(?<![\w-])tokenward-[0-9a-f]{12}(?![\w-])/g) ?? []).map((name) => `1.1 ${name}, `).join('');
}

/** The client's cookies without those of our names: of two, the upstream might take either. */
function cookiesExcept(value: string, ownCookies: readonly string[]): string {
  const names = ownCookies.map((pair) => pair.slice(0, pair.indexOf('=')));
  return value
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '' && !names.includes(pair.split('=', 1)[0]!.trim()))
    .map((pair) => `${pair}; `)
    .join('');
}

/** The target with our parameter in its query, in place of the client's parameter of that name in any spelling. */
export function withParameter(target: string, parameter: string): string {
  const mark = target.indexOf('?');
  if (mark === -1) return `${target}?${parameter}`;
  const name = parameterName(parameter);
  const others = target
    .slice(mark + 1)
    .split('&')
    .filter((pair) => parameterName(pair) !== name);
  return `${target.slice(0, mark)}?${[...others, parameter].join('&')}`;
}

function withoutParameter(url: string, name: string): string {
  const mark = url.indexOf('?');
  if (mark === -1) return url;
  const hash = url.indexOf('#', mark);
  const end = hash === -1 ? url.length : hash;
  const others = url
    .slice(mark + 1, end)
    .split('&')
    .filter((pair) => parameterName(pair) !== name.toLowerCase());
  return `${url.slice(0, mark)}${others.length === 0 ? '' : '?'}${others.join('&')}${url.slice(end)}`;
}

function parameterName(parameter: string): string {
  return parameter
    .split('=', 1)[0]!
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .toLowerCase();
}

const readableCodings = memoize(keepReadable);

function keepReadable(value: string): string {
  const kept = value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => READABLE_CODINGS.test(part));
  return kept.length === 0 ? 'identity' : kept.join(', ');
}

/**
 * The response header fields for the client. `attachment` is what the token added to the request: fields that repeat
 * any secret of it are dropped.
 * URLs of the upstream become URLs of this proxy, and cookies are rewritten to match. `ownOrigin` is the scheme and
 * host that the client used, `target` its request target.
 */
export function responseHeaders(
  raw: readonly string[],
  route: Route,
  attachment: Attachment | undefined,
  ownOrigin: string,
  target = '',
): string[] {
  const headers: string[] = [];
  const cookies = route.config.setCookie === 'pass';
  const dropsField = cookies ? filterWithCookies : filterWithoutCookies;
  const listed = connectionListed(raw);
  const attached = attachment?.secrets ?? NONE;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (dropsField(name)) continue;
    if (listed !== undefined && listed.has(name.toLowerCase())) continue;
    let value = raw[i + 1]!;
    const location = (name.length === 8 || name.length === 16) && /^(content-)?location$/i.test(name);
    // Without our parameters the client can still follow the redirect: the next request gets them again.
    if (location && attachment !== undefined)
      for (const parameter of attachment.query)
        if (value.includes(parameter.slice(parameter.indexOf('=') + 1)))
          value = withoutParameter(value, parameterName(parameter));
    if (repeatsAny(value, attached)) continue;
    if (route.secrets !== undefined && repeatsAny(value, route.secrets)) continue;
    if (location) value = proxyUrl(value, route, ownOrigin);
    if (cookies && name.length === 10 && name.toLowerCase() === 'set-cookie') {
      const { prefix, basePath } = route;
      const rewritten = clientCookie(value, { prefix, basePath, secure: ownOrigin.startsWith('https:'), target });
      if (rewritten === undefined) continue;
      value = rewritten;
    }
    headers.push(name, value);
  }
  return headers;
}

/**
 * Gives the request's id back to the client. An upstream's own id stays where it is: clients log it and quote it to the
 * vendor. Ours then has a name that no upstream's field can have.
 */
export function addRequestId(headers: string[], id: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length !== REQUEST_ID.length || headers[i]!.toLowerCase() !== REQUEST_ID) continue;
    if (headers[i + 1] !== id) headers.push('x-tokenward-request-id', id);
    return;
  }
  headers.push(REQUEST_ID, id);
}

/** Whether a text of the upstream contains a secret of the request: one that the token or the route has added. */
export function repeatsSecret(
  text: string,
  { secrets = NONE }: Pick<Route, 'secrets'>,
  attachment?: Attachment,
): boolean {
  return repeatsAny(text, attachment?.secrets ?? NONE) || repeatsAny(text, secrets);
}

function repeatsAny(text: string, secrets: readonly string[]): boolean {
  for (const secret of secrets) if (text.length >= secret.length && text.includes(secret)) return true;
  return false;
}

/** A URL of the upstream, rewritten to this proxy; any other URL unchanged. */
function proxyUrl(value: string, route: Route, ownOrigin: string): string {
  const { origin, basePath, prefix } = route;
  // Only an absolute URL or path needs it; the client resolves a relative one.
  let path: string;
  let start = '';
  if (/^https?:\/\//i.test(value)) {
    if (parseUrl(value)?.origin !== origin) return value;
    path = value.replace(/^https?:\/\/[^/?#]*/i, '');
    start = ownOrigin;
  } else if (value.startsWith('/') && !value.startsWith('//')) {
    path = value;
  } else {
    return value;
  }
  if (path === basePath) return `${start}${prefix}` || '/';
  if (basePath !== '' && !path.startsWith(`${basePath}/`) && !path.startsWith(`${basePath}?`)) return value;
  return `${start}${prefix}${path.slice(basePath.length)}`;
}
