import { isIP } from 'node:net';
import { Authorities } from '../authority/authorities.ts';
import { AuthorityError } from '../authority/authority-error.ts';
import type { Authority } from '../authority/authority.ts';
import type { LoadedConfig } from '../config/load.ts';
import { authorityHosts } from '../config/authority-hosts.ts';
import type { Listener } from '../config/schema/listen.ts';
import { mayTunnelTo } from '../forward/addresses.ts';
import { allowList } from '../forward/allow-list.ts';
import type { ConnectTarget } from '../forward/authority-form.ts';
import { ForwardProxy, type ForwardOptions, type TunnelEvent, type TunnelRules } from '../forward/forward-proxy.ts';
import { TunnelPlaces } from '../forward/tunnel-places.ts';
import { createHttpServer } from '../http/server/server.ts';
import { SiteGuard } from '../http/server/site-guard.ts';
import { describeFault, type Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { hostPatch, NO_TUNNEL, tunnelPatch } from '../proxy/allowing-patch.ts';
import type { Proxy } from '../proxy/context.ts';
import type { RefusedCalls } from '../refused-calls.ts';
import type { Clock } from '../tokens/clock.ts';
import type { Records } from '../tokens/records.ts';
import { Front } from './front.ts';
import { refusalObserver } from './refusal-observer.ts';
import { siteRulesOfTunnels } from './site-rules.ts';

/** How often the store is asked for an authority that another process has renewed. ms. */
const AUTHORITY_CHECK_MS = 60_000;
/** At most one line about clients of a host that do not trust the authority in this time. ms. */
const UNTRUSTED_LINE_MS = 600_000;

/** The authority in use. */
export interface CurrentAuthority {
  readonly get: () => Authority;
  /** The hosts of the routes, for which it signs. */
  readonly hosts: { has(host: string): boolean };
  readonly certificateFor: Authority['certificateFor'];
  /**
   * Prepares it for the hosts of another configuration; the returned function takes it into use. Rejects with an
   * AuthorityError if it may not sign for one of them.
   */
  prepare(hosts: readonly string[]): Promise<() => void>;
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
  let hosts = authorityHosts(config);
  if (hosts.length === 0) return undefined;
  const authorities = new Authorities(records, clock);
  const first = await authorities.read();
  if (first === undefined) {
    const key = config.listeners.some((one) => one.forward !== undefined) ? 'listen.forward' : 'listen.tls.authority';
    throw new AuthorityError(
      `${key} needs an authority that signs for the hosts of the routes. Make it with: tokenward ca make`,
    );
  }
  requireHosts(first, hosts);
  let current = first;
  let known = new Set(hosts);
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
    hosts: { has: (host) => known.has(host) },
    certificateFor: (host) => current.certificateFor(host),
    async prepare(next) {
      const newest = (await authorities.newer(current)) ?? current;
      requireHosts(newest, next);
      return () => {
        current = newest;
        hosts = [...next];
        known = new Set(hosts);
      };
    },
    close: () => clearTimeout(timer),
  };
}

/** Throws an AuthorityError. */
function requireHosts(authority: Authority, hosts: readonly string[]): void {
  const missing = authority.missing(hosts);
  if (missing.length === 0) return;
  throw new AuthorityError(
    `The authority may not sign for ${missing.join(', ')}, which routes name. Make one that may with: tokenward ca ` +
      'renew; applications must then trust the new one.',
  );
}

/** The forward proxies of all listeners. */
export interface ForwardProxies {
  /** By index of the listener; missing: it is none. */
  readonly of: ReadonlyMap<number, ForwardProxy>;
  /** Open tunnels of all of them. */
  readonly open: { readonly size: number };
  /** From now on tunnels are granted, and the requests within served, so. Open tunnels stay. */
  serve(config: LoadedConfig, proxy: Omit<Proxy, 'siteRules'>, via: (origin: string) => string): void;
}

/** What the forward proxies have in common. */
interface ForwardParts {
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly authority: CurrentAuthority | undefined;
  readonly onHostRefused?: ((host: string) => void) | undefined;
}

/** One for each listener that is a forward proxy, because whom it may serve, and with what, is said there. */
export function createForwardProxies(config: LoadedConfig, parts: ForwardParts): ForwardProxies {
  const { metrics, log, authority } = parts;
  let routeHosts: ReadonlySet<string> = new Set();
  const places = new TunnelPlaces(hasSeveralCallers(config));
  const shared = {
    authority: () => authority!.get(),
    places,
    on: tunnelObserver(() => routeHosts, parts),
  };
  const all = config.listeners.flatMap(({ forward, engine }, index) => {
    if (forward === undefined) return [];
    const front = new Front(log);
    const inner = createHttpServer(front.app, {
      headerBytes: config.limits.headerBytes,
      onRefused: refusalObserver(metrics, () => front.access),
      fastEngine: engine === 'fast' ? front.handle : undefined,
      upgrades: front.upgrades,
    });
    // It never listens; this starts its check for slow requests.
    inner.emit('listening');
    return [{ index, front, forwardProxy: new ForwardProxy({ ...shared, inner }) }];
  });
  if (all.length > 0) for (const outcome of TUNNEL_EVENTS) metrics.tunnels.inc({ outcome }, 0);
  return {
    of: new Map(all.map(({ index, forwardProxy }) => [index, forwardProxy])),
    open: {
      get size() {
        return all.reduce((sum, { forwardProxy }) => sum + forwardProxy.open.size, 0);
      },
    },
    serve(current, proxy, via) {
      routeHosts = new Set(authorityHosts(current));
      places.share(hasSeveralCallers(current));
      for (const { index, front, forwardProxy } of all) {
        const listen = current.listeners[index]!;
        front.serve({ ...proxy, siteRules: siteRulesOfTunnels(listen, current) });
        forwardProxy.serve({
          hosts: routeHosts,
          isAllowed: allowList(listen.forward?.tunnel ?? []),
          callers: proxy.callers,
          header: listen.requireHeader?.toLowerCase(),
          own: new SiteGuard(listen.hosts, listen.host),
          viaName: proxy.viaName,
          via,
          onUnknownHost: refusalNoter(listen, current, proxy.refusedCalls),
        });
      }
      if (all.length === 0) return;
      for (const reason of ['forward_refused', 'authority_unusable', ...(proxy.callers ? ['proxy_key_missing'] : [])])
        metrics.errors.inc({ route: 'unmatched', reason }, 0);
    },
  };
}

function hasSeveralCallers({ callers }: LoadedConfig): boolean {
  return callers !== 'none' && callers.length > 1;
}

/** Lists refused tunnels, each with the route that would end it, or the entry that would let it through. */
function refusalNoter(
  listen: Listener,
  { listeners }: LoadedConfig,
  refusedCalls: RefusedCalls,
): TunnelRules['onUnknownHost'] {
  const listener = listeners.length === 1 ? undefined : listen.port;
  const patchOf = ({ host, port }: ConnectTarget): string => {
    if (!host.includes(':') && (port === 443 || port === 80)) return hostPatch(host, port === 443 ? 'https' : 'http');
    return isIP(host) === 0 || mayTunnelTo(host) ? tunnelPatch(host, port, listener) : NO_TUNNEL;
  };
  return (target, caller) => {
    const { host, port } = target;
    const bracketed = host.includes(':') ? `[${host}]` : host;
    refusedCalls.note(
      {
        ...(caller !== undefined && { caller }),
        ...{ kind: 'host', host: port === 443 ? bracketed : `${bracketed}:${port}`, method: 'CONNECT' },
      },
      () => patchOf(target),
    );
  };
}

function tunnelObserver(
  routeHosts: () => ReadonlySet<string>,
  { metrics, log, onHostRefused }: ForwardParts,
): ForwardOptions['on'] {
  const untrusted = new Map<string, number>();
  return (event, host) => {
    metrics.tunnels.inc({ outcome: event });
    if (event === 'refused' && host !== '' && !routeHosts().has(host)) onHostRefused?.(host);
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
