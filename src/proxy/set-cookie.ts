/*
 * Cookies of an upstream's, as a client can keep them that knows the proxy and not the upstream: another host, another
 * scheme perhaps, and paths below the route's prefix (RFC 6265 §5.2 and §5.3, and draft-ietf-httpbis-rfc6265bis for
 * prefixes of names).
 */

/** What of a route and a request a cookie depends on. */
interface CookieContext {
  /** The route's prefix, or nothing for `/`. */
  readonly prefix: string;
  /** Path of the upstream URL, without a slash at its end. */
  readonly basePath: string;
  /** The caller speaks TLS with us. */
  readonly secure: boolean;
  /** The caller's own target. */
  readonly target: string;
}

/** A client takes a cookie of such a name only with Secure, and `__Host-` only with `Path=/` and without Domain. */
const PREFIXED = /^__(?:host|secure|http)-/i;
const HOST_PREFIXED = /^__host-/i;
/** In front of such a name where the caller could not keep it; taken away again on the way up. */
const RENAMED = 'tokenward-';
const RENAMED_NAME = /^([\t ]*)tokenward-(?=__(?:host|secure|http)-)/i;

/** The value of a Set-Cookie field for the caller; undefined: no request through this route would carry that cookie. */
export function clientCookie(value: string, context: CookieContext): string | undefined {
  const [pair = '', ...attributes] = value.split(';');
  const parsed = parseAttributes(attributes);
  const path = clientPath(parsed.path, context);
  if (path === undefined) return undefined;
  const name = pair.split('=', 1)[0]!.trim();
  // What any client refuses is left to be refused.
  const hostPrefixed = HOST_PREFIXED.test(name);
  const keepable = PREFIXED.test(name) && parsed.secure && (!hostPrefixed || (parsed.path === '/' && !parsed.domain));
  const renamed = keepable && (!context.secure || (hostPrefixed && path !== '/'));
  const kept = attributes.filter((text) => isKept(text, context.secure));
  return [renamed ? `${RENAMED}${pair.trim()}` : pair, ...kept, ...(path === '' ? [] : [` Path=${path}`])].join(';');
}

/** The caller's Cookie field for the upstream: with the names that the upstream gave. */
export function upstreamCookies(value: string): string {
  if (!value.includes(RENAMED)) return value;
  return value
    .split(';')
    .map((pair) => pair.replace(RENAMED_NAME, '$1'))
    .join(';');
}

/** What a cookie says of itself. */
interface CookieAttributes {
  readonly domain: boolean;
  readonly secure: boolean;
  /** Undefined: the path of the request decides. */
  readonly path: string | undefined;
}

/** Of an attribute given twice the last counts. */
function parseAttributes(attributes: readonly string[]): CookieAttributes {
  const names = attributes.map(nameOf);
  const path = attributes[names.lastIndexOf('path')]?.replace(/^[^=]*=?/, '').trim() ?? '';
  const counts = path.startsWith('/');
  return { domain: names.includes('domain'), secure: names.includes('secure'), path: counts ? path : undefined };
}

/** Whether an attribute goes on as it is. */
function isKept(attribute: string, secure: boolean): boolean {
  const name = nameOf(attribute);
  if (name === 'domain' || name === 'path') return false;
  // Without Secure, browsers take neither SameSite=None nor Partitioned.
  return secure || (name !== 'secure' && name !== 'partitioned' && !/^\s*samesite\s*=\s*none\s*$/i.test(attribute));
}

function nameOf(attribute: string): string {
  return attribute.split('=', 1)[0]!.trim().toLowerCase();
}

/** The path for the caller's client; empty: what it finds by itself is right; undefined: it is for no path of ours. */
function clientPath(path: string | undefined, { prefix, basePath, target }: CookieContext): string | undefined {
  const root = prefix === '' ? '/' : prefix;
  // RFC 6265 §5.1.4: the folder of the request. That of the prefix itself belongs to other routes as well.
  if (path === undefined) return prefix === '' || target.startsWith(`${prefix}/`) ? '' : root;
  const folder = path.replace(/\/+$/, '');
  if (basePath === folder || basePath.startsWith(`${folder}/`)) return root;
  return path.startsWith(`${basePath}/`) ? `${prefix}${path.slice(basePath.length)}` : undefined;
}
