import { Authorities } from '../authority/authorities.ts';
import { AuthorityError } from '../authority/authority-error.ts';
import type { Authority } from '../authority/authority.ts';
import type { LoadedConfig } from '../config/load.ts';
import { authorityHosts } from '../config/authority-hosts.ts';
import type { Listener } from '../config/schema/listen.ts';
import { allowList } from '../forward/allow-list.ts';
import { ForwardProxy, type ForwardOptions, type TunnelEvent } from '../forward/forward-proxy.ts';
import { createHttpServer } from '../http/server/server.ts';
import { SiteGuard } from '../http/server/site-guard.ts';
import { describeFault, type Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Proxy } from '../proxy/context.ts';
import { createRequestPath } from '../proxy/handler.ts';
import type { Clock } from '../tokens/clock.ts';
import type { Records } from '../tokens/records.ts';
import { createFront } from './front.ts';
import { refusalObserver } from './refusal-observer.ts';
import { siteRulesOfTunnels } from './site-rules.ts';
import { upgradeHandler } from './upgrade-handler.ts';

/** How often the store is asked for an authority that another process has renewed. ms. */
const AUTHORITY_CHECK_MS = 60_000;
/** At most one line about clients of a host that do not trust the authority in this time. ms. */
const UNTRUSTED_LINE_MS = 600_000;

/** The authority in use. */
export interface CurrentAuthority {
  readonly get: () => Authority;
  /** The hosts of the routes, for which it signs. */
  readonly hosts: ReadonlySet<string>;
  readonly certificateFor: Authority['certificateFor'];
  close(): void;
}

/** What the outcomes of CONNECT are called in metrics. */
export const TUNNEL_EVENTS: readonly TunnelEvent[] = [
  ...(['terminated', 'tunnelled', 'refused', 'untrusted', 'other name', 'broken'] as const),
];

/**
 * The authority in the store, which must sign for every host of the routes. It is read again now and then. Undefined:
 * no route has a host. Rejects with an AuthorityError that says what to do, or with a StoreError.
 */
export async function readAuthorityFor(
  config: LoadedConfig,
  records: Records,
  clock: Clock,
  log: Logger,
): Promise<CurrentAuthority | undefined> {
  const hosts = authorityHosts(config);
  if (hosts.length === 0) return undefined;
  const authorities = new Authorities(records, clock);
  const first = await authorities.read();
  if (first === undefined) {
    const key = config.listeners.some((one) => one.forward !== undefined) ? 'listen.forward' : 'listen.tls.authority';
    throw new AuthorityError(
      `${key} needs an authority that signs for the hosts of the routes. Make it with: tokenward ca make`,
    );
  }
  const missing = first.missing(hosts);
  if (missing.length > 0)
    throw new AuthorityError(
      `The authority may not sign for ${missing.join(', ')}, which routes name. Make one that may with: tokenward ca ` +
        'renew; applications must then trust the new one.',
    );
  let current = first;
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    timer = setTimeout(() => {
      authorities
        .newer(current)
        .then((newer) => {
          if (newer === undefined) return;
          if (newer.missing(hosts).length > 0)
            return log.warn('the renewed authority lacks hosts of the routes; the former one stays in use');
          current = newer;
          return log.info('the renewed authority is in use');
        })
        .catch((error: unknown) => log.warn('the authority cannot be read again', { detail: describeFault(error) }))
        .finally(check);
    }, AUTHORITY_CHECK_MS).unref();
  };
  check();
  return {
    get: () => current,
    hosts: new Set(hosts),
    certificateFor: (host) => current.certificateFor(host),
    close: () => clearTimeout(timer),
  };
}

/** The forward proxies of all listeners. */
export interface ForwardProxies {
  /** By listener; undefined: it is none. */
  readonly of: ReadonlyMap<Listener, ForwardProxy>;
  /** Open tunnels of all of them. */
  readonly open: { readonly size: number };
}

/** One for each listener that is a forward proxy, because whom it may serve, and with what, is said there. */
export function createForwardProxies(
  config: LoadedConfig,
  proxy: Omit<Proxy, 'siteRules'>,
  authority: CurrentAuthority | undefined,
  via: (origin: string) => string,
  onHostRefused?: (host: string) => void,
): ForwardProxies {
  const { metrics, log } = proxy;
  const forwarding = config.listeners.filter(({ forward }) => forward !== undefined);
  const shared = {
    authority: () => authority!.get(),
    via,
    blind: { count: 0 },
    on: tunnelObserver(config, metrics, log, onHostRefused),
  };
  const of = new Map(forwarding.map((listen) => [listen, createForwardProxy(listen, config, proxy, shared)]));
  if (forwarding.length > 0) {
    for (const outcome of TUNNEL_EVENTS) metrics.tunnels.inc({ outcome }, 0);
    for (const reason of ['forward_refused', 'authority_unusable', ...(proxy.callers ? ['proxy_key_missing'] : [])])
      metrics.errors.inc({ route: 'unmatched', reason }, 0);
  }
  const open = {
    get size() {
      return [...of.values()].reduce((sum, one) => sum + one.open.size, 0);
    },
  };
  return { of, open };
}

function createForwardProxy(
  listen: Listener,
  config: LoadedConfig,
  proxy: Omit<Proxy, 'siteRules'>,
  shared: Pick<ForwardOptions, 'authority' | 'via' | 'blind' | 'on'>,
): ForwardProxy {
  const { log, routes } = proxy;
  const path = createRequestPath({ ...proxy, siteRules: siteRulesOfTunnels(listen, config) });
  const inner = createHttpServer(createFront(routes, path, log), {
    headerBytes: config.limits.headerBytes,
    onRefused: refusalObserver(proxy),
    upgrades: upgradeHandler(config, path),
  });
  // It never listens; this starts its check for slow requests.
  inner.emit('listening');
  return new ForwardProxy({
    ...shared,
    hosts: new Set(authorityHosts(config)),
    isAllowed: allowList(listen.forward?.tunnel ?? []),
    callers: proxy.callers,
    header: listen.requireHeader?.toLowerCase(),
    own: new SiteGuard(listen.hosts, listen.host),
    viaName: proxy.viaName,
    inner,
  });
}

function tunnelObserver(
  config: LoadedConfig,
  metrics: Metrics,
  log: Logger,
  onHostRefused: ((host: string) => void) | undefined,
): ForwardOptions['on'] {
  const routeHosts = new Set(authorityHosts(config));
  const untrusted = new Map<string, number>();
  return (event, host) => {
    metrics.tunnels.inc({ outcome: event });
    if (event === 'refused' && host !== '' && !routeHosts.has(host)) onHostRefused?.(host);
    if (event !== 'untrusted') return;
    const now = performance.now();
    if (now - (untrusted.get(host) ?? -Infinity) < UNTRUSTED_LINE_MS) return;
    untrusted.set(host, now);
    log.warn('a client does not trust the authority, so that its requests never arrive', {
      upstream: host,
      detail: 'export it with: tokenward ca export; docs/drop-in.md says where each platform looks for it',
    });
  };
}
