import type { AccessOutput } from '../access-log.ts';
import { authorityHosts } from '../config/authority-hosts.ts';
import type { LoadedConfig } from '../config/load.ts';
import { RestartNeededError } from '../config/reloadable.ts';
import { TokenwardError } from '../errors.ts';
import type { SendTokenCall } from '../flows/run.ts';
import { StallWatchdog } from '../http/stall-watchdog.ts';
import { Metrics } from '../metrics.ts';
import type { ConfigControl } from '../operator/config-status.ts';
import { LocalView } from '../operator/local-view.ts';
import { BufferBudget } from '../proxy/buffer-budget.ts';
import { ConcurrencyLimiter, concurrencyLimits } from '../proxy/concurrency.ts';
import type { Proxy } from '../proxy/context.ts';
import { KeyThrottle } from '../proxy/key-throttle.ts';
import { Outages } from '../proxy/outages.ts';
import { RenewalGuard } from '../proxy/renewal-guard.ts';
import { StandIns } from '../proxy/stand-in.ts';
import { Upgrades } from '../proxy/upgrades.ts';
import { RefusedCalls } from '../refused-calls.ts';
import { ConfiguredTokens } from '../tokens/configured-tokens.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import { TokenManager, type Checkpoint } from '../tokens/manager.ts';
import { Records } from '../tokens/records.ts';
import type { CredentialStatus } from '../tokens/status.ts';
import { StoreHealth } from '../tokens/store-health.ts';
import { VERSION } from '../version.ts';
import { AccountHistory } from './account-history.ts';
import { createForwardProxies, readAuthorityFor, type CurrentAuthority } from './forward.ts';
import type { Authority } from '../authority/authority.ts';
import { createProxyServers, type ProxyServers } from './proxy-servers.ts';
import { draft, TokenEndpoints, type Draft } from './draft.ts';
import { engineOf } from './front.ts';
import { InboundTls } from './inbound-tls.ts';
import type { InheritedSockets } from './inherited-sockets.ts';
import { configuredSecrets } from './configured-secrets.ts';
import { openAccessLog } from './open-access-log.ts';
import { openStore, type StoreDependencies } from './open-store.ts';
import { SpillFolders } from './spills.ts';
import type { Startup } from './startup.ts';
import { createObserver } from './token-observer.ts';
import { TracingInUse } from './tracing-in-use.ts';
import { Upstreams } from './upstreams.ts';
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
  /** Begins an orderly stop of the program, for the operator. Absent: it cannot be stopped that way. */
  readonly onDrain?: () => void;
  /** The configuration's state and its reload, for the operator. Undefined: it cannot be reloaded. */
  readonly configControl?: ConfigControl;
  /** Listening sockets that the process was started with. */
  readonly sockets?: InheritedSockets;
  /** Waits for what is not there yet. Default: whatever is missing is an error at once. */
  readonly startup?: Startup;
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
  /** The configuration in use. */
  readonly config: () => LoadedConfig;
  readonly prepare: PrepareReload;
  close(): Promise<void>;
}

/**
 * Makes everything of another configuration, so that it can be taken into use whole: requests are served by it once
 * `use` was called, and until then nothing has changed. Rejects with an error that says what cannot be used.
 */
export type PrepareReload = (config: LoadedConfig) => Promise<{ use(): void }>;

/** Builds everything that needs no port. Rejects like `startApp`. */
export async function build(config: LoadedConfig, dependencies: Dependencies): Promise<Parts> {
  const { log } = dependencies;
  const clock = dependencies.clock ?? systemClock;
  const metrics = new Metrics(VERSION, engineOf(config.listeners));
  metrics.workers.set(1);
  // Before the accounts of `accountsFrom.file`: labels are limited.
  for (const account of Object.keys(config.accounts)) metrics.accountLabel(account);

  const upstreams = new Upstreams();
  const spills = new SpillFolders(metrics, log);
  const endpoints = new TokenEndpoints();
  const { sendTokenCall } = dependencies;
  const keyThrottle = new KeyThrottle(clock);
  // Made with a key of the store, which is opened last.
  const late: { standIns?: StandIns } = {};
  const standIns = (): StandIns | undefined => late.standIns;
  const draftParts = { metrics, clock, upstreams, spills, keyThrottle, endpoints, sendTokenCall, standIns };
  const { startup, worker, access } = dependencies;
  const once = <T>(attempt: () => Promise<T>): Promise<T> => startup?.until(attempt) ?? attempt();
  let current: Draft = await once(() => draft(config, draftParts));
  const inboundTls = await once(async () => config.listeners.map(({ tls }) => tls && new InboundTls(tls)));
  const tracing = await TracingInUse.open(config, { log, metrics, worker });

  // Only after every file has been read: a failure above leaves nothing open.
  const { store, seal } = await once(() => openStore(config, dependencies));
  late.standIns = new StandIns(seal.keysFor('stand-in'), clock);
  const records = new Records(store, seal, clock);
  // The manager calls its observer only once it is constructed.
  const history = new AccountHistory(clock);
  const statusOf = (account: string): CredentialStatus | undefined => tokens.statusOf(account);
  const observer = createObserver({
    metrics,
    log,
    clock,
    declared: [],
    history,
    statusOf,
    tracing: () => tracing.current,
  });
  zeroProcess(metrics);
  const tokens: TokenManager = new TokenManager(current.credentials, {
    store,
    records,
    clock,
    observer,
    owner: dependencies.owner,
    ...managerLimits(current),
    ...(dependencies.checkpoint && { checkpoint: dependencies.checkpoint }),
  });
  // One for all listeners: an unreachable upstream is logged once.
  const outages = new Outages(systemClock, log);
  const refusedCalls = new RefusedCalls(() => clock.wall());
  const viaName = dependencies.viaName ?? newViaName();
  const shared = {
    viaName,
    clock,
    buffers: new BufferBudget(config.limits.bufferedBytes),
    metrics,
    log,
    upgrades: new Upgrades(upgradeLimits(config), log),
    outages,
    refusedCalls,
    renewalGuard: new RenewalGuard(clock),
    concurrency: new ConcurrencyLimiter(requestLimits(config)),
  };
  const lifecycle = { stopping: false };

  let authority: CurrentAuthority | undefined;
  if (showsAuthority(config)) {
    try {
      authority = await once(() => authorityFor(config, dependencies, records, clock));
    } catch (error) {
      await store.close();
      throw error;
    }
  }
  const forward = createForwardProxies(config, { metrics, log, authority, onHostRefused: dependencies.onHostRefused });
  const servers = createProxyServers(config, { metrics, log, inboundTls, forward, onDemand: authority });

  const servedBy = (next: Draft): Omit<Proxy, 'siteRules' | 'tokens'> & { tokens: ConfiguredTokens } => ({
    ...shared,
    access: access && openAccessLog(next.config, access, log, metrics, worker),
    tracing: tracing.current,
    isSecret: tracing.current === undefined ? () => false : configuredSecrets(next.config),
    routes: next.routes,
    callers: next.callers,
    tokens: new ConfiguredTokens(tokens, next.credentials, clock),
    bodyWatchdog: new StallWatchdog(next.config.limits.bodyIdle),
    readIdleMs: next.config.limits.readIdle,
  });
  /** Requests are served by this configuration from now on. */
  const serve = (next: Draft, proxy: ReturnType<typeof servedBy>): void => {
    current = next;
    // Like all counters, these exist at 0 from the start.
    for (const account of next.credentials.declared) observer.declare(next.credentials.get(account)!);
    if (next.config.callers !== 'none') for (const { name } of next.config.callers) metrics.caller(name);
    const rules = {
      keys: next.callers !== undefined,
      jwt: next.config.jwt !== undefined,
      upgrades: next.config.routes.some(({ upgrade }) => upgrade.length > 0),
    };
    metrics.beginRoutes();
    for (const route of next.routes.all) {
      zeroRoute(metrics, route, rules);
      metrics.showConnections(route.name, () => route.upstream.connections);
    }
    spills.use(next.config);
    endpoints.guard(next.routes);
    outages.retain(new Map(next.routes.all.map(({ name, origin }) => [name, origin])));
    servers.serve(next.config, proxy, next.via);
  };
  let proxy = servedBy(current);
  serve(current, proxy);

  const prepare: PrepareReload = async (nextConfig) => {
    const drop = (): void => upstreams.retain(current.upstreamKeys);
    let next: Draft;
    let useAuthority: (() => void) | undefined;
    let useTracing: () => void;
    try {
      next = await draft(nextConfig, draftParts, current);
      useAuthority = await prepareAuthority(nextConfig, authority);
      useTracing = await tracing.prepare(nextConfig);
    } catch (error) {
      drop();
      throw error;
    }
    return {
      use() {
        useTracing();
        const nextProxy = servedBy(next);
        useAuthority?.();
        const { limits } = nextConfig;
        shared.buffers.setLimit(limits.bufferedBytes);
        shared.upgrades.setLimits(upgradeLimits(nextConfig));
        shared.concurrency.setLimits(requestLimits(nextConfig));
        log.setLevel?.(nextConfig.log.level);
        const released = tokens.reconfigure(next.credentials, managerLimits(next));
        for (const account of released.keys()) shared.renewalGuard.forget(account);
        proxy.tokens.replacedBy(nextProxy.tokens, released);
        serve(next, nextProxy);
        proxy = nextProxy;
        upstreams.retain(next.upstreamKeys);
      },
    };
  };

  const view = new LocalView({
    tokens,
    health: new StoreHealth(store, clock),
    metrics,
    log,
    buffers: shared.buffers,
    tunnels: forward.open,
    spilledBytes: () => spills.usedBytes,
    lifecycle,
    clock,
    routes: () => current.config.routes,
    history,
    outages,
    refusedCalls,
    callers: () => (current.config.callers === 'none' ? [] : current.config.callers),
    drain: dependencies.onDrain,
    certificates: () => [
      ...inboundTls.flatMap((tls) => tls?.ends ?? []),
      ...(authority === undefined ? [] : [{ name: 'authority', endsAt: authority.get().notAfter }]),
    ],
    config: dependencies.configControl,
  });
  const parts: Parts = {
    servers,
    upgrades: shared.upgrades,
    tokens,
    metrics,
    lifecycle,
    config: () => current.config,
    prepare,
    view,
    async close() {
      view.close();
      servers.close();
      authority?.close();
      shared.upgrades.destroy();
      await tokens.close();
      upstreams.close();
      await store.close();
      await Promise.all([dependencies.access?.lines.close(), tracing.close()]);
    },
  };
  try {
    await once(() => tokens.load().catch(throwCause));
    return parts;
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/** The manager's error is for clients; the store's own error is its cause. */
function throwCause(error: unknown): never {
  throw error instanceof TokenwardError && error.cause !== undefined ? error.cause : error;
}

function managerLimits({ config, credentials }: Draft): { maxAccounts: number; maxWaiting: number } {
  const { accountsInMemory, waitingPerAccount } = config.limits;
  return { maxAccounts: accountsInMemory + credentials.declared.length, maxWaiting: waitingPerAccount };
}

function upgradeLimits({ limits: { upgraded }, callers }: LoadedConfig): { all: number; perCaller: number } {
  const severalCallers = callers !== 'none' && callers.length > 1;
  return { all: upgraded, perCaller: severalCallers ? Math.ceil(upgraded / 2) : upgraded };
}

function requestLimits({ limits, routes, callers }: LoadedConfig): ReturnType<typeof concurrencyLimits> {
  return concurrencyLimits(limits, routes.length, callers === 'none' ? 1 : callers.length);
}

/** Whether some listener shows certificates of the authority in the store. */
function showsAuthority({ listeners }: LoadedConfig): boolean {
  return listeners.some(({ forward, tls }) => forward !== undefined || tls?.authority === true);
}

/** Rejects with an AuthorityError, or with a RestartNeededError for the first host of all. */
async function prepareAuthority(
  config: LoadedConfig,
  authority: CurrentAuthority | undefined,
): Promise<(() => void) | undefined> {
  const hosts = showsAuthority(config) ? authorityHosts(config) : [];
  if (authority !== undefined) return authority.prepare(hosts);
  if (hosts.length > 0) throw new RestartNeededError(['routes.host (the first route with one)']);
  return undefined;
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
    prepare: () => Promise.resolve(() => undefined),
    close: () => undefined,
  });
}
