import { TokenwardError } from '../errors.ts';
import { isWebSocket } from '../http/client/handshake.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { checkOrigin, type SiteRules } from './site-rules.ts';
import type { Route } from './route.ts';

/** 16 bytes in base64 (RFC 6455 §4.1). */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** Throws a TokenwardError for a protocol that the route does not allow, or a WebSocket handshake without a key. */
export function checkProtocol(request: InboundRequest, protocol: string, { name, config }: Route): void {
  if (!config.upgrade.includes(protocol.toLowerCase()))
    throw new TokenwardError('upgrade_refused', {
      detail: `route ${name} does not allow ${protocol}; upgrade: [${protocol.toLowerCase()}] on it would`,
    });
  const key = request.field('sec-websocket-key');
  if (isWebSocket(protocol) && (typeof key !== 'string' || !KEY.test(key)))
    throw new TokenwardError('request_malformed', { detail: 'a WebSocket handshake without a Sec-WebSocket-Key' });
}

/**
 * With callers, a page of another site gets nothing, as it has no key. But a browser adds a client certificate or the
 * password of HTTP Basic by itself, and shows a page what a WebSocket says, whatever its origin: CORS does not apply.
 */
export function checkOwnPage(request: InboundRequest, { pages }: SiteRules): void {
  if (pages === undefined || sendsKeyItself(request)) return;
  checkOrigin(pages, request.rawHeaders);
}

/** The request has a key or token in a field that no browser fills in. */
function sendsKeyItself(request: InboundRequest): boolean {
  if (request.field('x-tokenward-key') !== undefined || request.field('x-api-key') !== undefined) return true;
  const authorization = request.field('authorization');
  return typeof authorization === 'string' && /^bearer /i.test(authorization);
}

/**
 * The request's fields with the upstream's origin in place of this proxy's own: WebSocket clients send the origin of
 * the URL that they were given, and upstreams refuse one they do not know. Any other origin stays.
 */
export function withUpstreamOrigin(headers: string[], ownOrigin: string, upstreamOrigin: string): string[] {
  for (let i = 0; i < headers.length; i += 2)
    if (/^origin$/i.test(headers[i]!) && headers[i + 1]!.toLowerCase() === ownOrigin.toLowerCase())
      headers[i + 1] = upstreamOrigin;
  return headers;
}

/** The fields of a 101 for the client. `headers`: those of the upstream's, cleaned like every response's. */
export function switchFields(headers: readonly string[], protocol: string): string[] {
  const kept = ['connection', 'Upgrade', 'upgrade', protocol];
  // RFC 9110 §8.6: a 101 has no content.
  for (let i = 0; i < headers.length; i += 2)
    if (!/^content-length$/i.test(headers[i]!)) kept.push(headers[i]!, headers[i + 1]!);
  return kept;
}
