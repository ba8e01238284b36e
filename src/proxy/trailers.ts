import type { UpstreamResponse } from '../http/client/response.ts';
import { normalizeName } from '../http/field-names.ts';

/**
 * Fields that a recipient must have before the content, or that it could merge with the header section by mistake:
 * framing, routing, authentication, conditions, caching, what the content is (RFC 9110 §6.5.1).
 */
const NEVER: ReadonlySet<string> = new Set(
  [
    ...[
      'connection',
      'keep-alive',
      'proxy-connection',
      'te',
      'trailer',
      'transfer-encoding',
      'upgrade',
      'content-length',
    ],
    ...['host', 'via', 'forwarded', 'max-forwards', 'expect', 'location', 'content-location', 'refresh'],
    ...['authorization', 'proxy-authorization', 'www-authenticate', 'proxy-authenticate', 'cookie', 'set-cookie'],
    ...['authentication-info', 'proxy-authentication-info', 'clear-site-data', 'strict-transport-security'],
    ...['content-type', 'content-encoding', 'content-range', 'content-disposition', 'accept-ranges', 'range'],
    ...['cache-control', 'age', 'expires', 'date', 'pragma', 'vary', 'warning', 'retry-after', 'last-modified'],
    ...[
      'content-security-policy',
      'x-frame-options',
      'x-content-type-options',
      'referrer-policy',
      'permissions-policy',
    ],
  ].map(normalizeName),
);
const NEVER_FAMILIES = ['if', 'access-control', 'cross-origin', 'x-forwarded', 'x-tokenward'].map(normalizeName);
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
/** Names in one response: a checksum, a signature, a status. */
const MAX_NAMES = 16;

/**
 * The trailer fields that a response announces, and that may be passed on. Undefined: none, or the response to the
 * client has no place for them.
 */
export function trailersAnnounced({ status, headers }: UpstreamResponse, method: string): string[] | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return undefined;
  let names: string[] | undefined;
  let chunked = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    if (name === 'transfer-encoding') chunked = true;
    else if (name === 'trailer') names = [...(names ?? []), ...headers[i + 1]!.split(',').map((one) => one.trim())];
  }
  if (!chunked || names === undefined) return undefined;
  const allowed = names.filter(mayBeTrailer).slice(0, MAX_NAMES);
  return allowed.length === 0 ? undefined : allowed;
}

/** Those of the fields that were announced. `fields`: names and values in turn, filtered like a header section. */
export function announcedOf(fields: readonly string[], announced: readonly string[]): [string, string][] {
  const names = new Set(announced.map((name) => name.toLowerCase()));
  const kept: [string, string][] = [];
  for (let i = 0; i < fields.length; i += 2)
    if (names.has(fields[i]!.toLowerCase())) kept.push([fields[i]!, fields[i + 1]!]);
  return kept;
}

function mayBeTrailer(name: string): boolean {
  const plain = normalizeName(name);
  return TOKEN.test(name) && !NEVER.has(plain) && !NEVER_FAMILIES.some((family) => plain.startsWith(family));
}
