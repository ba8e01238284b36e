import type { LoadedConfig } from '../config/load.ts';
import { SiteGuard } from '../http/server/site-guard.ts';
import type { SiteRules } from '../proxy/site-rules.ts';

/** Pages of other sites are told from programs where nobody is asked for a proof. */
export function doorOf({ listen, callers }: LoadedConfig): SiteRules {
  const guard = callers === 'none' ? new SiteGuard(listen.hosts, listen.host) : undefined;
  return { guard, header: listen.requireHeader?.toLowerCase() };
}

/**
 * The same for the socket. No browser opens one, so that no name can be pointed at it: any Host will do, as clients put
 * what they like there. What passes on a browser's requests may stand behind it, though, so that their origin counts.
 */
export function socketDoorOf({ listen, callers }: LoadedConfig): SiteRules {
  const guard = callers === 'none' ? new SiteGuard([...listen.hosts, '*'], '') : undefined;
  return { guard, header: listen.requireHeader?.toLowerCase() };
}
