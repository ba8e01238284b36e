import { TokenwardError } from '../errors.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { checkSiteRules, type SiteRules } from './site-rules.ts';
import { checkTarget } from './target.ts';

/** More fields than real clients send. Node itself would silently drop those beyond its limit. */
const MAX_FIELDS = 100;
/** The methods that a route can allow. No other may be sent with credentials. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** reg-name or IPv4 with an optional port, or an address in brackets (RFC 3986 §3.2.2). */
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const LENGTH = /^\d{1,15}$/;
/** Control bytes but the tab (RFC 9110 §5.5). Node's parser refuses most of them; this check does not rely on it. */
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;
/** Proxies add themselves to Via. A request that has passed more tokenwards than this is in a loop. */
const MAX_OWN_VIA = 4;

/** Why an Upgrade is refused before its route is looked at. */
const UPGRADE_REFUSED =
  'no route has upgrade: [websocket] (or the protocol that is asked for), or this is no GET of HTTP/1.1 for one ' +
  'protocol, without a body and with no request before it in flight';

/** The part of a request that is checked. */
type CheckedRequest = Pick<InboundRequest, 'rawHeaders' | 'httpVersion' | 'method' | 'url' | 'validated' | 'upgradeTo'>;

/** Nearly every request has the same Host; comparing is cheaper than matching. */
let lastGoodHost = '';

/**
 * Validates a request before anything else reads it, by its fields as sent. Refuses whatever two servers could
 * understand differently: framing first of all (RFC 9112 §6, §11.2). Throws a TokenwardError, after which the
 * connection must not be used again. `viaName`: this process's name in Via; `siteRules`: what else the listener
 * requires.
 */
export function checkRequest(request: CheckedRequest, viaName: string, siteRules?: SiteRules): void {
  const { httpVersion } = request;
  checkVersion(httpVersion);
  if (!METHODS.has(request.method ?? '')) throw new TokenwardError('method_refused');
  // The result holds for the same fields, byte for byte, on the same connection.
  const validatedBefore = request.validated;
  if (!validatedBefore) checkFields(request.rawHeaders, httpVersion, viaName, request.upgradeTo);
  checkTarget(request.url ?? '');
  if (validatedBefore) return;
  if (siteRules !== undefined) checkSiteRules(siteRules, request.rawHeaders);
  request.validated = true;
}

/** node:http's parser also reads HTTP/0.9 and HTTP/2.0. Throws a TokenwardError. */
export function checkVersion(httpVersion: string): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') malformed('only HTTP/1.1 and HTTP/1.0 are supported');
}

/** Validates the header section alone. Throws a TokenwardError. */
export function checkFields(
  rawHeaders: readonly string[],
  httpVersion: string,
  viaName: string,
  upgradeTo: string | undefined,
): void {
  if (rawHeaders.length > 2 * MAX_FIELDS)
    throw new TokenwardError('headers_too_large', { detail: `more than ${MAX_FIELDS} header fields` });

  let hosts = 0;
  let lengths = 0;
  let codings = 0;
  let expectations = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const value = rawHeaders[i + 1]!;
    if (CONTROL.test(value)) malformed('a control byte in a header field');
    // By length first, which rules out nearly every field.
    switch (name.length) {
      case 3:
        if (/^via$/i.test(name)) checkVia(value, viaName);
        break;
      case 4:
        if (/^host$/i.test(name)) {
          hosts += 1;
          if (value !== lastGoodHost && !HOST.test(value)) malformed('the Host field is not a host');
          lastGoodHost = value;
        }
        break;
      case 6:
        // Node has checked only one of them.
        if (/^expect$/i.test(name)) {
          expectations += 1;
          if (expectations > 1 || value.toLowerCase() !== '100-continue')
            throw new TokenwardError('expectation_failed');
        }
        break;
      case 7:
        if (/^upgrade$/i.test(name)) {
          // Java's HttpClient offers h2c with every first request and accepts being ignored; other upgrades do not.
          if (value !== upgradeTo && !/^h2c$/i.test(value))
            throw new TokenwardError('upgrade_refused', { detail: UPGRADE_REFUSED });
        }
        break;
      case 14:
        if (/^content[-_]length$/i.test(name)) {
          lengths += 1;
          if (name.includes('_') || !LENGTH.test(value)) malformed('the Content-Length is not one plain number');
        }
        break;
      case 17:
        if (/^transfer[-_]encoding$/i.test(name)) {
          codings += 1;
          if (name.includes('_') || value.toLowerCase() !== 'chunked')
            malformed('a Transfer-Encoding other than chunked');
        }
        break;
      default:
    }
  }
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) malformed('exactly one Host field is required');
  if (lengths > 1) malformed('more than one Content-Length');
  if (codings > 1) malformed('more than one Transfer-Encoding');
  if (codings === 1 && lengths === 1) malformed('both Transfer-Encoding and Content-Length');
  if (codings === 1 && httpVersion === '1.0') malformed('Transfer-Encoding in HTTP/1.0');
}

function checkVia(value: string, viaName: string): void {
  const ownEntries = value.match(/\btokenward\b/g)?.length ?? 0;
  if (value.includes(viaName) || ownEntries > MAX_OWN_VIA) throw new TokenwardError('loop_detected');
}

function malformed(detail: string): never {
  throw new TokenwardError('request_malformed', { detail });
}
