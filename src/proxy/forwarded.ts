import { TokenwardError } from '../errors.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { hostnameOf } from '../http/server/site-guard.ts';
import { authorityOf, toOriginForm } from './absolute-form.ts';
import type { SiteRules } from './site-rules.ts';
import { tunnelOrigin } from './tunnel-origin.ts';

/** How a client sees this server: as the origin server, as its proxy, or not at all, because its tunnel ends here. */
export type Asked = 'as the origin' | 'as a proxy' | 'in a tunnel';

/** Finds out how a request was sent, and brings its target into origin form. */
export function howAsked(request: InboundRequest, rules: SiteRules): Asked {
  const isForwarded = toOriginForm(request, rules);
  return rules.inTunnels === true ? 'in a tunnel' : isForwarded ? 'as a proxy' : 'as the origin';
}

/**
 * The rules for a request: to the host of a route, the forward proxy's. Throws a TokenwardError for a host that no
 * route names, and for another than that of the tunnel.
 */
export function rulesFor(request: InboundRequest, asked: Asked, rules: SiteRules): SiteRules {
  if (asked === 'in a tunnel') checkTunnelHost(request);
  else if (rules.forward !== undefined) {
    if (asked === 'as a proxy') {
      // The same fields may have been validated by the other rules.
      request.validated = false;
      return rules.forward.site;
    }
    checkAuthority(request.url ?? '');
  }
  return rules;
}

function checkTunnelHost(request: InboundRequest): void {
  const expected = tunnelOrigin(request.socket)?.host;
  const host = request.field('host');
  if (expected !== undefined && typeof host === 'string' && hostnameOf(host) === expected) return;
  throw new TokenwardError('host_refused', { detail: 'the Host is not the one that the tunnel was opened for' });
}

function checkAuthority(target: string): void {
  const authority = authorityOf(target);
  if (authority === undefined) return;
  const detail = `no route has host: ${hostnameOf(authority)}, and listen.hosts does not name it`;
  throw new TokenwardError('forward_refused', { detail });
}
