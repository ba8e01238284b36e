import type { LoadedConfig } from '../config/load.ts';
import { SiteGuard } from '../http/server/site-guard.ts';
import type { SiteRules } from '../proxy/site-rules.ts';

/** With `callers: none`, requests that a browser makes for other sites are refused. */
export function siteRulesOf({ listen, callers, routes }: LoadedConfig): SiteRules {
  const guard = callers === 'none' ? new SiteGuard(listen.hosts, listen.host, hostsOf(routes)) : undefined;
  return { guard, header: listen.requireHeader?.toLowerCase(), pages: new SiteGuard(listen.hosts, listen.host) };
}

function hostsOf(routes: LoadedConfig['routes']): string[] {
  return routes.flatMap(({ host }) => host ?? []);
}

/**
 * The same for the socket. Browsers cannot open one, so no DNS name can be pointed at it: any Host is accepted, because
 * clients put anything there. A server that forwards browsers' requests may use it, so their Origin is checked.
 */
export function siteRulesOfSocket({ listen, callers }: LoadedConfig): SiteRules {
  const guard = callers === 'none' ? new SiteGuard([...listen.hosts, '*'], '') : undefined;
  return { guard, header: listen.requireHeader?.toLowerCase(), pages: new SiteGuard([...listen.hosts, '*'], '') };
}
