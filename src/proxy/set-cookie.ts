import { trimEnd } from '../trim-end.ts';
/*
 * Rewrites an upstream's cookies for a client that knows only the proxy: another host, perhaps another scheme, and
 * paths below the route's prefix (RFC 6265 §5.2 and §5.3, and draft-ietf-httpbis-rfc6265bis for name prefixes).
 */

/** What the rewriting depends on. */
interface CookieContext {
  /** The route's prefix; empty for `/`. */
  readonly prefix: string;
  /** Path of the upstream URL, without a trailing slash. */
  readonly basePath: string;
  /** The client uses TLS. */
  readonly secure: boolean;
  /** The client's request target. */
  readonly target: string;
}

/** Clients accept a cookie of such a name only with Secure, and `__Host-` only with `Path=/` and without Domain. */
const PREFIXED = /^__(?:host|secure|http)-/i;
const HOST_PREFIXED = /^__host-/i;
/** Put before such a name if the client could not keep it; removed again from requests. */
const RENAMED = 'tokenward-';
const RENAMED_NAME = /^([\t ]*)tokenward-(?=__(?:host|secure|http)-)/i;

/** The Set-Cookie value for the client; undefined if no request through this route would carry the cookie. */
export function clientCookie(value: string, context: CookieContext): string | undefined {
  const [pair = '', ...attributes] = value.split(';');
  const parsed = parseAttributes(attributes);
  const path = clientPath(parsed.path, context);
  if (path === undefined) return undefined;
  const name = pair.split('=', 1)[0]!.trim();
  // A cookie that any client refuses is not repaired.
  const hostPrefixed = HOST_PREFIXED.test(name);
  const keepable = PREFIXED.test(name) && parsed.secure && (!hostPrefixed || (parsed.path === '/' && !parsed.domain));
  const renamed = keepable && (!context.secure || (hostPrefixed && path !== '/'));
  const kept = attributes.filter((text) => isKept(text, context.secure));
  return [renamed ? `${RENAMED}${pair.trim()}` : pair, ...kept, ...(path === '' ? [] : [` Path=${path}`])].join(';');
}

/** The client's Cookie value for the upstream, with the original names. */
export function upstreamCookies(value: string): string {
  if (!value.includes(RENAMED)) return value;
  return value
    .split(';')
    .map((pair) => pair.replace(RENAMED_NAME, '$1'))
    .join(';');
}

/** The attributes that matter here. */
interface CookieAttributes {
  readonly domain: boolean;
  readonly secure: boolean;
  /** Undefined: the request's path decides. */
  readonly path: string | undefined;
}

/** The last of repeated attributes counts. */
function parseAttributes(attributes: readonly string[]): CookieAttributes {
  const names = attributes.map(nameOf);
  const path = attributes[names.lastIndexOf('path')]?.replace(/^[^=]*=?/, '').trim() ?? '';
  const counts = path.startsWith('/');
  return { domain: names.includes('domain'), secure: names.includes('secure'), path: counts ? path : undefined };
}

/** Whether an attribute is kept. */
function isKept(attribute: string, secure: boolean): boolean {
  const name = nameOf(attribute);
  if (name === 'domain' || name === 'path') return false;
  // Without Secure, browsers refuse SameSite=None and Partitioned.
  return secure || (name !== 'secure' && name !== 'partitioned' && !/^\s*samesite\s*=\s*none\s*$/i.test(attribute));
}

function nameOf(attribute: string): string {
  return attribute.split('=', 1)[0]!.trim().toLowerCase();
}

/** The Path for the client; empty: its default is right; undefined: the cookie applies to no path of the route. */
function clientPath(path: string | undefined, { prefix, basePath, target }: CookieContext): string | undefined {
  const root = prefix === '' ? '/' : prefix;
  // RFC 6265 §5.1.4: the default is the folder of the request. That of the prefix itself would cover other routes too.
  if (path === undefined) return prefix === '' || target.startsWith(`${prefix}/`) ? '' : root;
  const folder = trimEnd(path, '/');
  if (basePath === folder || basePath.startsWith(`${folder}/`)) return root;
  return path.startsWith(`${basePath}/`) ? `${prefix}${path.slice(basePath.length)}` : undefined;
}
