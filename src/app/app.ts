import { randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { Server as TlsServer, ServerOptions as TlsOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { getProxyForUrl } from 'proxy-from-env';
import { ConfigError, type LoadedConfig } from '../config/load.ts';
import { isLoopback } from '../config/references.ts';
import { credentialSource, type SenderFor } from './credentials.ts';
import { OPERATOR_ENDS_MS } from '../deadlines.ts';
import { TokenwardError, type ErrorCode } from '../errors.ts';
import type { SendTokenCall } from '../flows/run.ts';
import { SiteGuard } from '../http/server/site-guard.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics.ts';
import { createObserver } from './token-observer.ts';
import { OperatorDoor } from '../operator/door.ts';
import { createOperatorApp } from '../operator/routes.ts';
import { LocalView, type OperatorView } from '../operator/view.ts';
import { isDirect, noProxyOfEnvironment } from './no-proxy.ts';
import { Admission, admissionLimits } from '../proxy/concurrency.ts';
import { BufferBudget } from '../proxy/request-body.ts';
import { Callers } from '../proxy/caller.ts';
import { Damping } from '../proxy/key-throttle.ts';
import { createHandler } from '../proxy/handler.ts';
import { JwtCheck } from '../proxy/jwt.ts';
import { Outages } from '../proxy/outages.ts';
import { Patience } from '../http/stall-watchdog.ts';
import { byLongestPrefix } from '../proxy/route.ts';
import type { Door } from '../proxy/site-rules.ts';
import { tokenCallSender } from './token-endpoint-client.ts';
import { UncuredReplies } from '../proxy/renewal-guard.ts';
import { proxyApp } from './front.ts';
import type { ProxyAddress } from './proxy-address.ts';
import { routeOf } from './routes.ts';
import { drain, keepCallers, sendCallersAway } from '../http/server/drain.ts';
import { listen } from '../http/server/listen.ts';
import { createHttpServer } from '../http/server/server.ts';
import { freeSocketFile, listenOnSocket } from '../http/server/socket-file.ts';
import { openStore, type StoreSurroundings } from './stores.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import { TokenManager, type Checkpoint } from '../tokens/manager.ts';
import { Records } from '../tokens/records.ts';
import { StoreHealth } from '../tokens/store-health.ts';
import { clientTls, readTlsFiles, refuseRevoked, watchTlsFiles, type TlsFiles } from '../http/tls.ts';
import { VERSION } from '../version.ts';
import { zeroProcess, zeroRoute } from './zero-counters.ts';

/** What the surroundings give: everything that is not configuration. */
export interface Surroundings extends StoreSurroundings {
  /** Names this process in leases. */
  readonly owner: string;
  readonly sendTokenCall?: SendTokenCall;
  /** How all of them call themselves in Via, so that a loop is seen by whichever it comes to; a name of its own without it. */
  readonly viaName?: string;
  /** Only tests give one. */
  readonly checkpoint?: (point: Checkpoint) => void;
}

/** A running tokenward. */
export interface App extends Worker {
  readonly operatorAddress: AddressInfo;
}

/** The part of a tokenward that serves callers: all of it but the operator port. */
export interface Worker {
  readonly proxyAddress: ProxyAddress;
  readonly tokens: TokenManager;
  readonly metrics: Metrics;
  readonly view: LocalView;
  /** Not ready → delay → stop accepting → let requests and renewals end → close the store. */
  stop(how?: StopOptions): Promise<void>;
}

export interface StopOptions {
  /** Another worker takes over: no load balancer needs to notice, and callers are given time to go over to it. */
  readonly replaced?: boolean;
  /** How long callers' idle connections are left open, ms. Only tests give it: nobody is at the other end of theirs. */
  readonly patience?: number;
}

/** How long a caller's idle connection is left open, so that the caller may send one more request on it: when another worker takes over, and when everything ends. ms. */
const PATIENCE_REPLACED = 5_000;
const PATIENCE_AT_END = 500;
/** Before and after the listener closes, callers are not sent away for so long: whoever was is making a new connection just then, and it would be reset. ms. */
const CALM = 300;

/** Builds everything from a configuration and starts it. Rejects with an error that says what cannot be used (file, store, listener), leaving nothing open. */
export async function startApp(config: LoadedConfig, surroundings: Surroundings): Promise<App> {
  const parts = await build(config, surroundings);
  const operatorServer = operatorPort(parts.view, surroundings.log, config, surroundings.clock);
  try {
    const operatorAddress = await listen(operatorServer, config.operator.host, config.operator.port, 'operator');
    if (config.listen.socket !== undefined) await freeSocketFile(config.listen.socket, 'proxy');
    const worker = await serveCallers(config, parts);
    return {
      ...worker, operatorAddress,
      async stop(how) {
        await worker.stop(how);
        await drain(operatorServer, OPERATOR_ENDS_MS);
      },
    };
  } catch (error) {
    operatorServer.close();
    await parts.close();
    throw error;
  }
}

/** The same without an operator port: its view goes to whoever has one. */
export async function startWorker(config: LoadedConfig, surroundings: Surroundings): Promise<Worker> {
  const parts = await build(config, surroundings);
  try {
    return await serveCallers(config, parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/** The operator port, not listening yet. */
export function operatorPort(view: OperatorView, log: Logger, { operator }: LoadedConfig, clock?: Clock): Server {
  return createHttpServer(createOperatorApp({ view, log, door: new OperatorDoor(operator), ...(clock && { clock }) }), { headerBytes: 16 * 1024 });
}

interface Parts {
  /** One for the port and one for the socket, or one of them. */
  readonly servers: { readonly port: Server | undefined; readonly socket: Server | undefined };
  readonly tokens: TokenManager;
  readonly metrics: Metrics;
  readonly view: LocalView;
  readonly life: { stopping: boolean };
  close(): Promise<void>;
}

/** Everything that needs no port. Rejects like `startApp`. */
async function build(config: LoadedConfig, surroundings: Surroundings): Promise<Parts> {
  const { log } = surroundings;
  const clock = surroundings.clock ?? systemClock;
  const metrics = new Metrics(VERSION);
  metrics.workers.set(1);
  // Before those that come from elsewhere.
  for (const account of Object.keys(config.accounts)) metrics.accountLabel(account);

  const via = egressProxy(config);
  const credentials = credentialSource(config, clock, senders(surroundings.sendTokenCall, via));
  const routes = config.routes.map((route) => routeOf(route, config, metrics, via)).sort(byLongestPrefix);
  const buffers = new BufferBudget(config.limits.bufferedBytes);
  const callers = config.callers === 'none' ? undefined : new Callers(config.callers, config.jwt && new JwtCheck(config.jwt, clock), new Damping(clock));
  const inboundTls = inboundTlsFiles(config);
  const inboundOptions = inboundTls && inboundTlsOptions(config, inboundTls);

  // Only now that every file has been read: whoever fails above leaves nothing open.
  const { store, seal } = await openStore(config, surroundings);
  const named = credentials.named.map((account) => credentials.get(account)!);
  // The manager tells its observer of changes only once it is there.
  const observer = createObserver({ metrics, log, clock, named, statusOf: (account) => tokens.statusOf(account) });
  zeroProcess(metrics);
  // As all counters: there at 0 from the start.
  if (config.callers !== 'none') for (const { name } of config.callers) metrics.caller(name);
  for (const route of routes) zeroRoute(metrics, route, { keys: callers !== undefined, jwt: config.jwt !== undefined });
  const tokens: TokenManager = new TokenManager(credentials, { store, records: new Records(store, seal, clock), clock, observer, owner: surroundings.owner, maxAccounts: config.limits.accountsInMemory + credentials.named.length, maxWaiting: config.limits.waitingPerAccount, ...(surroundings.checkpoint && { checkpoint: surroundings.checkpoint }) });
  const viaName = surroundings.viaName ?? newViaName();
  const proxy = {
    routes, callers, viaName, tokens, buffers, metrics, log,
    uncured: new UncuredReplies(clock),
    admission: new Admission(admissionLimits(config.limits, routes.length, config.callers === 'none' ? 1 : config.callers.length)),
    bodyPatience: new Patience(config.limits.bodyIdle),
    readIdle: config.limits.readIdle,
  };
  const life = { stopping: false };

  const outages = new Outages(systemClock, log);
  const serverBehind = (door: Door, tls?: TlsOptions): Server => {
    const handler = createHandler({ ...proxy, door }, outages);
    const onRefused = (reason: ErrorCode): void => metrics.errors.inc({ route: 'unmatched', reason });
    const { headerBytes } = config.limits;
    return createHttpServer(proxyApp(handler, log), { headerBytes, fastPath: handler, onRefused }, tls);
  };
  const servers: Parts['servers'] = {
    port: config.listen.port === undefined ? undefined : serverBehind(doorOf(config), inboundOptions),
    socket: config.listen.socket === undefined ? undefined : serverBehind(socketDoorOf(config)),
  };
  if (inboundTls?.crlFile !== undefined && servers.port) refuseRevoked(servers.port);
  const stopReloading = inboundTls && servers.port && reloadCertificates(servers.port, inboundTls, log);
  const parts: Parts = {
    servers, tokens, metrics, life,
    view: new LocalView({ tokens, health: new StoreHealth(store, clock), metrics, log, buffers, life, clock, routes: config.routes }),
    async close() {
      servers.port?.close();
      servers.socket?.close();
      stopReloading?.();
      await tokens.close();
      for (const route of routes) route.upstream.close();
      await store.close();
    },
  };
  try {
    await tokens.load();
    return parts;
  } catch (error) {
    await parts.close();
    // The manager's words are for callers; what is wrong with the store is in the cause.
    throw error instanceof TokenwardError && error.cause !== undefined ? error.cause : error;
  }
}

async function serveCallers(config: LoadedConfig, parts: Parts): Promise<Worker> {
  const { servers, tokens, metrics, view, life } = parts;
  const { host, port, socket, socketMode } = config.listen;
  const proxyAddress: ProxyAddress = {
    ...(servers.port && await listen(servers.port, host, port!, 'proxy')),
    ...(servers.socket && { socket: await listenOnSocket(servers.socket, socket!, socketMode, 'proxy') }),
  };
  const all = [servers.port, servers.socket].filter((server) => server !== undefined);
  return {
    proxyAddress, tokens, metrics, view,
    async stop({ replaced = false, patience = replaced ? PATIENCE_REPLACED : PATIENCE_AT_END } = {}) {
      life.stopping = true;
      const { delay, drain: most } = config.shutdown;
      if (replaced) await Promise.all(all.map((server) => drain(server, most, { patience })));
      else {
        // They find another process behind the load balancer, while this one still answers whoever does not.
        if (delay > CALM) {
          all.forEach(sendCallersAway);
          await sleep(delay - CALM);
          all.forEach(keepCallers);
        }
        if (delay > 0) await sleep(Math.min(delay, CALM));
        await Promise.all(all.map((server) => drain(server, most, { patience, calm: patience === 0 ? 0 : CALM })));
      }
      await parts.close();
    },
  };
}

/** Pages of other sites are told from programs where nobody is asked for a proof. */
function doorOf({ listen, callers }: LoadedConfig): Door {
  return { guard: callers === 'none' ? new SiteGuard(listen.hosts, listen.host) : undefined, header: listen.requireHeader?.toLowerCase() };
}

/**
 * The same for the socket. No browser opens one, so that no name can be pointed at it: any Host will do, as clients put
 * what they like there. What passes on a browser's requests may stand behind it, though, so that their origin counts.
 */
function socketDoorOf({ listen, callers }: LoadedConfig): Door {
  const guard = callers === 'none' ? new SiteGuard([...listen.hosts, '*'], '') : undefined;
  return { guard, header: listen.requireHeader?.toLowerCase() };
}

/** A name for Via that no other tokenward has. */
export function newViaName(): string {
  return `tokenward-${randomBytes(6).toString('hex')}`;
}

/** One sender for each set of TLS files: their connections are shared. */
function senders(given: SendTokenCall | undefined, via: (origin: string) => string): SenderFor {
  const made = new Map<string, SendTokenCall>();
  return (tls) => {
    const key = JSON.stringify(tls ?? null);
    let sender = made.get(key);
    if (sender === undefined) made.set(key, (sender = given ?? tokenCallSender(clientTls(tls), via)));
    return sender;
  };
}

/** The corporate proxy on the way to an origin, or nothing. Never for this host itself. Throws a ConfigError if the environment names one that cannot be used. */
export function egressProxy({ egressProxy: setting }: Pick<LoadedConfig, 'egressProxy'>): (origin: string) => string {
  return (origin) => {
    if (setting === 'none' || isLoopback(new URL(origin).hostname)) return '';
    if (setting !== 'environment') return setting;
    if (isDirect(origin, noProxyOfEnvironment())) return '';
    const found = getProxyForUrl(origin);
    if (found !== '' && !(URL.canParse(found) && /^https?:$/.test(new URL(found).protocol))) {
      throw new ConfigError('environment', [{ path: '', line: undefined, message: `the proxy for ${origin} (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) is not an http:// or https:// URL; correct it, name the host in NO_PROXY, or set egressProxy: none` }]);
    }
    return found;
  };
}

function inboundTlsFiles({ listen: { tls } }: LoadedConfig): TlsFiles | undefined {
  if (tls === undefined) return undefined;
  const { certFile, keyFile, clientCaFile: caFile, clientCrlFile: crlFile, minVersion } = tls;
  return { certFile, keyFile, caFile, crlFile, minVersion };
}

function inboundTlsOptions({ listen: { tls } }: LoadedConfig, files: TlsFiles): TlsOptions {
  const asked = tls?.clientCaFile !== undefined;
  return { ...readTlsFiles(files), requestCert: asked, rejectUnauthorized: asked && tls.clientCertificate === 'required' };
}

/** Takes renewed certificates into use for new connections; keeps the old ones if the new files do not go together. */
function reloadCertificates(server: Server | TlsServer, files: TlsFiles, log: Logger): () => void {
  return watchTlsFiles(files, () => {
    try {
      if ('setSecureContext' in server) server.setSecureContext(readTlsFiles(files));
      log.info('certificate read again', { file: files.certFile ?? '' });
    } catch (error) {
      log.error('the changed certificate cannot be used, the old one stays', { detail: error instanceof Error ? error.message : '' });
    }
  });
}
