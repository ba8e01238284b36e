import type { Attachment } from '../flows/attach.ts';
import type { Token } from '../tokens/token.ts';
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
import { memoize } from '../http/memoize.ts';
import type { Route } from './route.ts';
import { clientCookie, upstreamCookies } from './set-cookie.ts';

const ALWAYS_DROPPED = [...HOP_BY_HOP, ...CLIENT_CREDENTIALS, ...SET_BY_TOKENWARD];

/** Whether a header of this name ends here: one of these names, or of the family whose names begin so. */
function nameFilter(names: readonly string[], family?: string): (name: string) => boolean {
  const dropped = new Set(names.map(normalizeName));
  return memoize(
    (name) => dropped.has(normalizeName(name)) || (family !== undefined && normalizeName(name).startsWith(family)),
  );
}

/** What a route's own settings say of the fields of a request. */
interface FieldRules {
  /** Forwarded, X-Forwarded-* and the like may pass. */
  readonly forwarding: boolean;
  /** Fields that say another method or target than the first line may pass. */
  readonly overrides: boolean;
  /** Further names that end here: such as are meant for us, and such as the route writes itself. */
  readonly extra: readonly string[];
  /** X-Api-Key may pass: it is no caller's key. Without a word it ends here. */
  readonly apiKey?: boolean;
}

const filterCache = new Map<string, (name: string) => boolean>();

/** Which fields of a request end here, by their names. Routes with the same rules share what is remembered of names. */
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

/** Codings whose replies can be looked into. Others are taken out of Accept-Encoding where replies are inspected. */
const READABLE_CODINGS = /^(gzip|x-gzip|deflate|br|identity)\b/i;

const isMethodOverride = nameFilter(METHOD_OVERRIDES);
const isTargetOverride = nameFilter(TARGET_OVERRIDES);

/** The methods and targets that a request names beside those of its first line, in the order they came. */
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
 * Fields that `Connection` names, in lower case: they end here, before ours are added, so that a caller cannot have
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
 * The header fields as the upstream gets them: a flat list of names and values, in the caller's order and spelling.
 * `attachment` replaces whatever the caller sent under its name, and so do the route's own fields; `forwarded` is what
 * we say of the caller ourselves.
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
  const attachedName = attachment?.header === undefined ? undefined : normalizedName(attachment.header[0]);
  const { cookie } = attachment ?? {};
  const rewritesCookies = route.config.setCookie === 'pass';
  let cookies = '';
  let via = `1.1 ${viaName}`;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.length === 3 && name.toLowerCase() === 'via') via = `${tokenwardsIn(raw[i + 1]!)}${via}`;
    if (dropsField(name)) continue;
    if (listed !== undefined && listed.has(name.toLowerCase())) continue;
    // Lengths first: most names are settled by them, without another string being made.
    if (attachedName !== undefined && name.length >= attachedName.length && normalizedName(name) === attachedName)
      continue;
    let value = raw[i + 1]!;
    if (name.length === 15 && route.rejectedToken?.readsBody === true && name.toLowerCase() === 'accept-encoding')
      value = readableCodings(value);
    if ((cookie !== undefined || rewritesCookies) && name.length === 6 && name.toLowerCase() === 'cookie') {
      if (rewritesCookies) value = upstreamCookies(value);
      if (cookie !== undefined) {
        cookies += cookiesExcept(value, cookie);
        continue;
      }
    }
    headers.push(name, value);
  }
  // RFC 9110 §7.6.3: a gateway says that it was there. Its name is all it says; by it we know a request that comes
  // back.
  headers.push('via', via);
  headers.push(...forwarded);
  if (route.addedFields !== undefined) headers.push(...route.addedFields);
  if (attachment?.header !== undefined) headers.push(attachment.header[0], attachment.header[1]);
  if (cookie !== undefined) headers.push('cookie', cookies + cookie);
  return headers;
}

/**
 * The other tokenwards in a Via. Who else was on the way is nothing the upstream has to know, but these must go on:
 * without them two of us that lead to each other would never notice.
 */
function tokenwardsIn(value: string): string {
  return (value.match(/(?<![\w-])tokenward-[0-9a-f]{12}(?![\w-])/g) ?? []).map((name) => `1.1 ${name}, `).join('');
}

/** The caller's cookies but one of our name: of two, nobody knows which an upstream believes. */
function cookiesExcept(value: string, ownCookie: string): string {
  const name = ownCookie.slice(0, ownCookie.indexOf('='));
  return value
    .split(';')
    .map((one) => one.trim())
    .filter((one) => one !== '' && one.split('=', 1)[0]!.trim() !== name)
    .map((one) => `${one}; `)
    .join('');
}

/** The target with our parameter in its query. The caller's own of that name is left out, however it is spelt. */
export function withParameter(target: string, parameter: string): string {
  const mark = target.indexOf('?');
  if (mark === -1) return `${target}?${parameter}`;
  const name = parameter.slice(0, parameter.indexOf('=')).toLowerCase();
  const others = target
    .slice(mark + 1)
    .split('&')
    .filter((one) => parameterName(one) !== name);
  return `${target.slice(0, mark)}?${[...others, parameter].join('&')}`;
}

/** A URL without the query parameters of this name. */
function withoutParameter(url: string, name: string): string {
  const mark = url.indexOf('?');
  if (mark === -1) return url;
  const hash = url.indexOf('#', mark);
  const end = hash === -1 ? url.length : hash;
  const others = url
    .slice(mark + 1, end)
    .split('&')
    .filter((one) => parameterName(one) !== name.toLowerCase());
  return `${url.slice(0, mark)}${others.length === 0 ? '' : '?'}${others.join('&')}${url.slice(end)}`;
}

function parameterName(parameter: string): string {
  return parameter
    .split('=', 1)[0]!
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .toLowerCase();
}

const normalizedName = memoize(normalizeName);
const readableCodings = memoize(keepReadable);

function keepReadable(value: string): string {
  const kept = value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => READABLE_CODINGS.test(part));
  return kept.length === 0 ? 'identity' : kept.join(', ');
}

/**
 * The reply's header fields as the caller gets them. `secret` is the token that was sent: a field that repeats it is
 * left out. URLs that point at the upstream become URLs of this proxy, and cookies such as a client of it keeps; `self`
 * is the scheme and host the caller used, `target` what the caller asked for.
 */
export function responseHeaders(
  raw: readonly string[],
  route: Route,
  secret: string | undefined,
  ownOrigin: string,
  target = '',
): string[] {
  const headers: string[] = [];
  const cookies = route.config.setCookie === 'pass';
  const dropsField = cookies ? filterWithCookies : filterWithoutCookies;
  const listed = connectionListed(raw);
  // In a query or a cookie the token travels percent-encoded, and a redirect likes to repeat a query.
  const encoded =
    secret === undefined || route.flow === undefined || 'header' in route.flow.attach
      ? undefined
      : encodeURIComponent(secret);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (dropsField(name)) continue;
    if (listed !== undefined && listed.has(name.toLowerCase())) continue;
    let value = raw[i + 1]!;
    const location = (name.length === 8 || name.length === 16) && /^(content-)?location$/i.test(name);
    // Without our parameter the caller can follow it all the same: the next request gets the token again.
    if (
      location &&
      encoded !== undefined &&
      value.includes(encoded) &&
      route.flow !== undefined &&
      'query' in route.flow.attach
    )
      value = withoutParameter(value, route.flow.attach.query);
    if (secret !== undefined && value.length >= secret.length && value.includes(secret)) continue;
    if (encoded !== undefined && value.includes(encoded)) continue;
    if (route.secrets !== undefined && repeatsSecret(value, route)) continue;
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

/** Whether a text of the upstream's repeats a secret that the route adds to requests, or the token that was sent. */
export function repeatsSecret(text: string, { secrets = [] }: Pick<Route, 'secrets'>, token?: Token): boolean {
  return (token !== undefined && text.includes(token.reveal())) || secrets.some((secret) => text.includes(secret));
}

/** A URL of the upstream as the caller must write it to come through here; any other URL as it is. */
function proxyUrl(value: string, route: Route, ownOrigin: string): string {
  const { origin, basePath, prefix } = route;
  // Only an absolute URL or an absolute path needs help; a relative one is resolved by the caller.
  let path: string;
  let start = '';
  if (/^https?:\/\//i.test(value)) {
    if (!URL.canParse(value) || new URL(value).origin !== origin) return value;
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
