import type { AccessOutput } from '../access-log.ts';
import type { LoadedConfig } from '../config/load.ts';
import { TokenwardError } from '../errors.ts';
import type { SendTokenCall } from '../flows/run.ts';
import { StallWatchdog } from '../http/stall-watchdog.ts';
import { Metrics } from '../metrics.ts';
import { LocalView } from '../operator/local-view.ts';
import { BufferBudget } from '../proxy/buffer-budget.ts';
import { Callers } from '../proxy/caller.ts';
import { ConcurrencyLimiter, concurrencyLimits } from '../proxy/concurrency.ts';
import { JwtCheck } from '../proxy/jwt.ts';
import { KeyThrottle } from '../proxy/key-throttle.ts';
import { Outages } from '../proxy/outages.ts';
import { RenewalGuard } from '../proxy/renewal-guard.ts';
import { Upgrades } from '../proxy/upgrades.ts';
import { RouteTable } from '../proxy/route-table.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import { TokenManager, type Checkpoint } from '../tokens/manager.ts';
import { Records } from '../tokens/records.ts';
import { StoreHealth } from '../tokens/store-health.ts';
import { VERSION } from '../version.ts';
import { createForwardProxies, readAuthorityFor, type CurrentAuthority } from './forward.ts';
import type { Authority } from '../authority/authority.ts';
import { createProxyServers, type ProxyServers } from './proxy-servers.ts';
import { credentialSource } from './credentials.ts';
import { egressProxy } from './egress-proxy.ts';
import { engineOf } from './front.ts';
import { InboundTls } from './inbound-tls.ts';
import { guardTokenEndpoint } from './login-guard.ts';
import { openAccessLog } from './open-access-log.ts';
import { openStore, type StoreDependencies } from './open-store.ts';
import { routeOf } from './routes.ts';
import { openSpills } from './spills.ts';
import { createObserver } from './token-observer.ts';
import { senders } from './token-senders.ts';
import { newViaName } from './via-name.ts';
import { zeroProcess, zeroRoute } from './zero-counters.ts';

/** What the program provides besides the configuration. */
export interface Dependencies extends StoreDependencies {
  /** Names this process in leases. */
  readonly owner: string;
  readonly sendTokenCall?: SendTokenCall;
  /** The name in Via that all workers share, so that each of them detects a loop. Default: a new name. */
  readonly viaName?: string;
  /** Where access lines go. Default: there are none. */
  readonly access?: AccessOutput;
  /** The number of this worker process. */
  readonly worker?: number;
  /** The authority of the forward proxy. Default: the one in the store. */
  readonly authority?: Authority;
  /** Called for each host to which the forward proxy refuses a tunnel because no route has it. */
  readonly onHostRefused?: (host: string) => void;
  /** For tests only. */
  readonly checkpoint?: (point: Checkpoint) => void;
}

/** A tokenward that does not listen yet. */
export interface Parts {
  readonly servers: ProxyServers;
  readonly upgrades: Upgrades;
  readonly tokens: TokenManager;
  readonly metrics: Metrics;
  readonly view: LocalView;
  readonly lifecycle: { stopping: boolean };
  close(): Promise<void>;
}

/** Builds everything that needs no port. Rejects like `startApp`. */
export async function build(config: LoadedConfig, dependencies: Dependencies): Promise<Parts> {
  const { log } = dependencies;
  const clock = dependencies.clock ?? systemClock;
  const metrics = new Metrics(VERSION, engineOf(config.listeners));
  metrics.workers.set(1);
  // Before the accounts of `accountsFrom.file`: labels are limited.
  for (const account of Object.keys(config.accounts)) metrics.accountLabel(account);

  const via = egressProxy(config);
  const credentials = credentialSource(config, clock, senders(dependencies.sendTokenCall, via), {
    // Asked for with the first login, when the routes are there.
    onTokenEndpoint: (url) => guardTokenEndpoint(routes.all, url),
  });
  const spilling = await openSpills(config, metrics, log);
  const routes: RouteTable = new RouteTable(
    config.routes.map((route) => routeOf(route, config, metrics, via, credentials.valuesOf, spilling?.spills)),
  );
  const buffers = new BufferBudget(config.limits.bufferedBytes);
  const callers =
    config.callers === 'none'
      ? undefined
      : new Callers(config.callers, config.jwt && new JwtCheck(config.jwt, clock), new KeyThrottle(clock));
  const inboundTls = config.listeners.map(({ tls }) => tls && new InboundTls(tls));

  // Only after every file has been read: a failure above leaves nothing open.
  const { store, seal } = await openStore(config, dependencies);
  const declared = credentials.declared.map((account) => credentials.get(account)!);
  const records = new Records(store, seal, clock);
  // The manager calls its observer only once it is constructed.
  const observer = createObserver({ metrics, log, clock, declared, statusOf: (account) => tokens.statusOf(account) });
  zeroProcess(metrics);
  // Like all counters, these exist at 0 from the start.
  if (config.callers !== 'none') for (const { name } of config.callers) metrics.caller(name);
  const rules = {
    keys: callers !== undefined,
    jwt: config.jwt !== undefined,
    upgrades: config.routes.some(({ upgrade }) => upgrade.length > 0),
  };
  for (const route of routes.all) {
    zeroRoute(metrics, route, rules);
    metrics.showConnections(route.name, () => route.upstream.connections);
  }
  const tokens: TokenManager = new TokenManager(credentials, {
    store,
    records,
    clock,
    observer,
    owner: dependencies.owner,
    maxAccounts: config.limits.accountsInMemory + credentials.declared.length,
    maxWaiting: config.limits.waitingPerAccount,
    ...(dependencies.checkpoint && { checkpoint: dependencies.checkpoint }),
  });
  const { upgraded } = config.limits;
  const severalCallers = config.callers !== 'none' && config.callers.length > 1;
  const upgrades = new Upgrades({ all: upgraded, perCaller: severalCallers ? Math.ceil(upgraded / 2) : upgraded }, log);
  const viaName = dependencies.viaName ?? newViaName();
  const { worker } = dependencies;
  const access = dependencies.access && openAccessLog(config, dependencies.access, log, metrics, worker);
  const proxy = {
    routes,
    access,
    callers,
    viaName,
    tokens,
    clock,
    buffers,
    metrics,
    log,
    upgrades,
    // One for all listeners: an unreachable upstream is logged once.
    outages: new Outages(systemClock, log),
    renewalGuard: new RenewalGuard(clock),
    concurrency: new ConcurrencyLimiter(
      concurrencyLimits(config.limits, routes.all.length, config.callers === 'none' ? 1 : config.callers.length),
    ),
    bodyWatchdog: new StallWatchdog(config.limits.bodyIdle),
    readIdleMs: config.limits.readIdle,
  };
  const lifecycle = { stopping: false };

  let authority: CurrentAuthority | undefined;
  if (config.listeners.some(({ forward, tls }) => forward !== undefined || tls?.authority === true)) {
    try {
      authority = await authorityFor(config, dependencies, records, clock);
    } catch (error) {
      await store.close();
      throw error;
    }
  }
  const forward = createForwardProxies(config, proxy, authority, via, dependencies.onHostRefused);
  const servers = createProxyServers(config, proxy, inboundTls, forward, authority);
  const parts: Parts = {
    servers,
    upgrades,
    tokens,
    metrics,
    lifecycle,
    view: new LocalView({
      tokens,
      health: new StoreHealth(store, clock),
      metrics,
      log,
      buffers,
      tunnels: forward.open,
      spilledBytes: spilling?.usedBytes ?? (() => 0),
      lifecycle,
      clock,
      routes: config.routes,
    }),
    async close() {
      servers.close();
      authority?.close();
      upgrades.destroy();
      await tokens.close();
      for (const route of routes.all) {
        route.upstream.close();
        route.namedUpstream?.close();
      }
      await store.close();
      await dependencies.access?.lines.close();
    },
  };
  try {
    await tokens.load();
    return parts;
  } catch (error) {
    await parts.close();
    // The manager's error is for clients; the store's own error is its cause.
    throw error instanceof TokenwardError && error.cause !== undefined ? error.cause : error;
  }
}

function authorityFor(
  config: LoadedConfig,
  { authority, log }: Dependencies,
  records: Records,
  clock: Clock,
): Promise<CurrentAuthority | undefined> {
  if (authority === undefined) return readAuthorityFor(config, records, clock, log);
  return Promise.resolve({
    get: () => authority,
    hosts: new Set(authority.hosts),
    certificateFor: (host) => authority.certificateFor(host),
    close: () => undefined,
  });
}
