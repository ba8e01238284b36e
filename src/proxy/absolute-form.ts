import type { InboundRequest } from '../http/server/exchange.ts';
import { hostnameOf, type SiteGuard } from '../http/server/site-guard.ts';
import type { ForwardRules, SiteRules } from './site-rules.ts';

const SLASH = 47;
/** Scheme, authority, and the rest: a path, a query, both or nothing. */
const ABSOLUTE = /^(https?):\/\/([^/?#]*)((?:[/?#].*)?)$/is;
/** reg-name or IPv4 with an optional port, or an address in brackets; no userinfo (RFC 9110 §4.2.4). */
const AUTHORITY = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * Rewrites a target in absolute form (RFC 9112 §3.2.2), which clients send to a proxy, to origin form, if its authority
 * is this listener or, with a forward proxy, the host of a route. Any other target stays as it is, and is refused.
 * Returns whether it is for a route's host.
 */
export function toOriginForm(request: InboundRequest, { guard, forward }: SiteRules): boolean {
  const { url = '' } = request;
  if (url.charCodeAt(0) === SLASH) return false;
  const parts = ABSOLUTE.exec(url);
  if (parts === null) return false;
  const [, written, authority, rest] = parts as unknown as [string, string, string, string];
  if (!AUTHORITY.test(authority)) return false;
  const scheme = written.toLowerCase();
  const isForwarded = forward !== undefined && isRouteHost(authority, hostOf(request), scheme, forward);
  if (!isForwarded) {
    const encrypted = 'encrypted' in request.socket;
    if (scheme !== (encrypted ? 'https' : 'http')) return false;
    if (!isOwnAuthority(authority, hostOf(request), encrypted ? 443 : 80, forward?.own ?? guard)) return false;
  }
  // RFC 9112 §3.2.4: OPTIONS without a path concerns the whole server.
  if (rest === '') request.url = request.method === 'OPTIONS' ? '*' : '/';
  else request.url = rest.startsWith('/') ? rest : `/${rest}`;
  return isForwarded;
}

/** The authority of a target in absolute form. Undefined: it has another form. */
export function authorityOf(target: string): string | undefined {
  return ABSOLUTE.exec(target)?.[2];
}

/** The parts of a target in absolute form whose authority is a host and a port. Undefined: it has another form. */
export function absoluteOf(
  target: string,
): { scheme: 'http' | 'https'; authority: string; port: number; path: string } | undefined {
  const [, written = '', authority = '', path = ''] = ABSOLUTE.exec(target) ?? [];
  if (!AUTHORITY.test(authority)) return undefined;
  const scheme = written.toLowerCase() === 'https' ? 'https' : 'http';
  return { scheme, authority, port: portOf(authority, scheme === 'https' ? 443 : 80), path };
}

/**
 * Some clients send `https` in absolute form to a proxy that they reach without TLS; the hop to the upstream is https
 * all the same, if the route says so.
 */
function isRouteHost(authority: string, host: string | undefined, scheme: string, { hosts }: ForwardRules): boolean {
  const defaultPort = scheme === 'https' ? 443 : 80;
  return (
    hosts.has(hostnameOf(authority)) &&
    portOf(authority, defaultPort) === defaultPort &&
    host !== undefined &&
    hostnameOf(host) === hostnameOf(authority) &&
    portOf(host, defaultPort) === defaultPort
  );
}

function hostOf(request: InboundRequest): string | undefined {
  const host = request.field('host');
  return typeof host === 'string' ? host : undefined;
}

/**
 * RFC 9112 §3.2.2 ignores the Host field here. A reader between us and the client may use it, so both must agree; in
 * HTTP/1.0 without a Host, the name must be known.
 */
function isOwnAuthority(
  authority: string,
  host: string | undefined,
  defaultPort: number,
  guard: SiteGuard | undefined,
): boolean {
  if (host === undefined) return guard?.knowsHost(authority) === true;
  if (guard !== undefined && !guard.knowsHost(host)) return false;
  return hostnameOf(authority) === hostnameOf(host) && portOf(authority, defaultPort) === portOf(host, defaultPort);
}

function portOf(authority: string, defaultPort: number): number {
  return Number(AUTHORITY.exec(authority)?.[1] ?? defaultPort);
}
