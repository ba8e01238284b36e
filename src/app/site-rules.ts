import type { LoadedConfig } from '../config/load.ts';
import type { Listener } from '../config/schema/listen.ts';
import { SiteGuard } from '../http/server/site-guard.ts';
import type { ForwardRules, SiteRules } from '../proxy/site-rules.ts';

/** With `callers: none`, requests that a browser makes for other sites are refused. */
export function siteRulesOf(listen: Listener, { callers, routes }: LoadedConfig): SiteRules {
  const guard = callers === 'none' ? new SiteGuard(listen.hosts, listen.host, hostsOf(routes)) : undefined;
  const header = listen.requireHeader?.toLowerCase();
  const pages = new SiteGuard(listen.hosts, listen.host);
  return { guard, header, pages, forward: forwardRulesOf(listen, routes, header) };
}

/** The rules within tunnels, each of which is for the host of a route. */
export function siteRulesOfTunnels(listen: Listener, { routes }: LoadedConfig): SiteRules {
  return { guard: new SiteGuard(listen.hosts, '', hostsOf(routes)), header: undefined, inTunnels: true };
}

/**
 * The rules for requests in absolute form. A browser sends the proxy's key with the requests of every page, so that
 * Origin is checked although callers have keys.
 */
function forwardRulesOf(
  listen: Listener,
  routes: LoadedConfig['routes'],
  header: string | undefined,
): ForwardRules | undefined {
  if (listen.forward === undefined) return undefined;
  const hosts = hostsOf(routes);
  return {
    hosts: new Set(hosts),
    site: { guard: new SiteGuard(listen.hosts, '', hosts), header },
    own: new SiteGuard(listen.hosts, listen.host),
  };
}

function hostsOf(routes: LoadedConfig['routes']): string[] {
  return routes.flatMap(({ host }) => host ?? []);
}

/**
 * The same for the socket. Browsers cannot open one, so no DNS name can be pointed at it: any Host is accepted, because
 * clients put anything there. A server that forwards browsers' requests may use it, so their Origin is checked.
 */
export function siteRulesOfSocket(listen: Listener, { callers, routes }: LoadedConfig): SiteRules {
  const guard = callers === 'none' ? new SiteGuard([...listen.hosts, '*'], '') : undefined;
  const header = listen.requireHeader?.toLowerCase();
  const pages = new SiteGuard([...listen.hosts, '*'], '');
  return { guard, header, pages, forward: forwardRulesOf(listen, routes, header) };
}
