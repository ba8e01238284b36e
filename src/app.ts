import { createHash, randomBytes } from 'node:crypto';
import type { Server } from 'node:http';
import type { Server as TlsServer, ServerOptions as TlsOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { getProxyForUrl } from 'proxy-from-env';
import { ConfigError, findAccount, type FoundAccount, type LoadedConfig } from './config/load.ts';
import { isLoopback } from './config/references.ts';
import type { RouteConfig } from './config/schema.ts';
import { TokenwardError } from './errors.ts';
import { attacher, attacherOfMany } from './flows/attach.ts';
import type { Flow } from './flows/flow.ts';
import { runCall, type SendTokenCall } from './flows/run.ts';
import { describeFault, type Logger } from './log.ts';
import { Metrics } from './metrics.ts';
import { createOperatorApp } from './operator/routes.ts';
import { LocalView, type OperatorView } from './operator/view.ts';
import { accountPatterns } from './proxy/account.ts';
import { Admission } from './proxy/admission.ts';
import { answerError } from './proxy/answer.ts';
import { BufferBudget } from './proxy/body.ts';
import { Callers } from './proxy/caller.ts';
import { Damping } from './proxy/damping.ts';
import { Upstream } from './proxy/forward.ts';
import { createHandler, type Proxy } from './proxy/handle.ts';
import { deadTokenRule } from './proxy/inspect.ts';
import { JwtCheck } from './proxy/jwt.ts';
import { plain } from './proxy/headers.ts';
import { loginPaths, type LoginPath } from './proxy/legacy-login.ts';
import { Patience } from './proxy/patience.ts';
import { readyPolicy } from './proxy/policy.ts';
import { destinationOf, type Destination } from './proxy/upstream/dial.ts';
import { byLongestPrefix, type Route } from './proxy/route.ts';
import { tokenCallSender } from './proxy/token-endpoint.ts';
import { UncuredReplies } from './proxy/uncured.ts';
import { createExpress, createHttpServer, drain, listen, sendCallersAway } from './server.ts';
import { systemClock, type Clock } from './tokens/clock.ts';
import { copyRecords, type CopyEnd, type CopyReport } from './tokens/copy.ts';
import type { Credential, CredentialSource } from './tokens/credential.ts';
import { TokenManager, type Checkpoint, type TokenObserver } from './tokens/manager.ts';
import { Records } from './tokens/records.ts';
import { Seal, sealingKey } from './tokens/seal.ts';
import { StoreError, type TokenStore } from './tokens/store.ts';
import { AnnouncingStore, type Peers } from './tokens/stores/announcing.ts';
import { EmbeddedStore, hasKeyBeside, keyBesideStore } from './tokens/stores/embedded.ts';
import { RedisStore, type RedisOptions } from './tokens/stores/redis.ts';
import type { HostPort, RedisPlace } from './tokens/stores/redis-lines.ts';
import { readTlsFiles, watchTlsFiles, type TlsFiles } from './tls.ts';
import { VERSION } from './version.ts';

/** What the surroundings give: everything that is not configuration. */
export interface Surroundings {
  readonly log: Logger;
  /** Names this process in leases, and tells whether the process a lease names is gone. */
  readonly owner: string;
  readonly ownerIsGone: (owner: string) => boolean;
  readonly clock?: Clock;
  readonly sendTokenCall?: SendTokenCall;
  /** The other workers of this host. */
  readonly peers?: Peers;
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
  readonly proxyAddress: AddressInfo;
  readonly tokens: TokenManager;
  readonly metrics: Metrics;
  readonly view: LocalView;
  /** Not ready → delay → stop accepting → let requests and renewals end → close the store. */
  stop(how?: StopOptions): Promise<void>;
}

export interface StopOptions {
  /** Another worker takes over: no load balancer needs to notice, and callers are given time to go over to it. */
  readonly replaced?: boolean;
}

/** How long a caller's idle connection to a replaced worker is left open for him to send one more request on. ms. */
const PATIENCE = 5_000;

/** Builds everything from a configuration and starts it. Rejects with an error that says what cannot be used (file, store, listener), leaving nothing open. */
export async function startApp(config: LoadedConfig, surroundings: Surroundings): Promise<App> {
  const parts = await build(config, surroundings);
  const operatorServer = operatorPort(parts.view, surroundings.log);
  try {
    const operatorAddress = await listen(operatorServer, config.operator.host, config.operator.port, 'operator');
    const worker = await serveCallers(config, parts);
    return {
      ...worker, operatorAddress,
      async stop(how) {
        await worker.stop(how);
        await drain(operatorServer, 1_000);
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
export function operatorPort(view: OperatorView, log: Logger): Server {
  return createHttpServer(createOperatorApp({ view, log }), { headerBytes: 16 * 1024 });
}

interface Parts {
  readonly proxyServer: Server;
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
  const credentials = credentialSource(config, clock, surroundings.sendTokenCall, via);
  const routes = config.routes.map((route) => routeOf(route, config, metrics, via)).sort(byLongestPrefix);
  const buffers = new BufferBudget(config.limits.bufferedBytes);
  const callers = config.callers === 'none' ? undefined : new Callers(config.callers, config.jwt && new JwtCheck(config.jwt, clock), new Damping(clock));
  const inboundTls = inboundTlsFiles(config);
  const inboundOptions = inboundTls && inboundTlsOptions(config, inboundTls);

  // Only now that every file has been read: whoever fails above leaves nothing open.
  const { store, seal } = await openStore(config, surroundings, clock);
  const observer = observerOf(metrics, log);
  const tokens = new TokenManager(credentials, { store, records: new Records(store, seal, clock), clock, observer, owner: surroundings.owner, maxAccounts: config.limits.accountsInMemory + credentials.named.length, maxWaiting: config.limits.waitingPerAccount, ...(surroundings.checkpoint && { checkpoint: surroundings.checkpoint }) });
  const viaName = surroundings.viaName ?? newViaName();
  const proxy: Proxy = { routes, callers, viaName, tokens, uncured: new UncuredReplies(clock), buffers, admission: new Admission(config.limits.inFlight), bodyPatience: new Patience(config.limits.bodyIdle), readIdle: config.limits.readIdle, metrics, log };
  const life = { stopping: false };

  const proxyServer = createHttpServer(proxyApp(proxy), { headerBytes: config.limits.headerBytes, onRefused: (reason) => metrics.errors.inc({ route: 'unmatched', reason }) }, inboundOptions);
  const stopReloading = inboundTls && reloadCertificates(proxyServer, inboundTls, log);
  const parts: Parts = {
    proxyServer, tokens, metrics, life,
    view: new LocalView({ tokens, store, metrics, buffers, life, clock, routes: config.routes }),
    async close() {
      proxyServer.close();
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
  const { proxyServer, tokens, metrics, view, life } = parts;
  const proxyAddress = await listen(proxyServer, config.listen.host, config.listen.port, 'proxy');
  return {
    proxyAddress, tokens, metrics, view,
    async stop({ replaced = false } = {}) {
      life.stopping = true;
      sendCallersAway(proxyServer);
      if (!replaced && config.shutdown.delay > 0) await new Promise((resolve) => setTimeout(resolve, config.shutdown.delay));
      await drain(proxyServer, config.shutdown.drain, replaced ? PATIENCE : 0);
      await parts.close();
    },
  };
}

/** A name for Via that no other tokenward has. */
export function newViaName(): string {
  return `tokenward-${randomBytes(6).toString('hex')}`;
}

/** Seals every stored record with the current key. Returns how many there are and how many were sealed anew. */
export async function rekeyStore(config: LoadedConfig, surroundings: Surroundings): Promise<{ records: number; resealed: number }> {
  const clock = surroundings.clock ?? systemClock;
  const { store, seal } = await openStore(config, surroundings, clock);
  try {
    const records = new Records(store, seal, clock);
    const accounts = await store.accounts();
    let resealed = 0;
    for (const account of accounts) if (await records.reseal(account)) resealed += 1;
    return { records: accounts.length, resealed };
  } finally {
    await store.close();
  }
}

/** Copies what the one configuration's store holds to the other's, sealed with the other's key. Rejects with a StoreError. */
export async function copyStore(from: LoadedConfig, to: LoadedConfig, surroundings: Surroundings, options: { overwrite: boolean; dryRun: boolean }): Promise<CopyReport> {
  const clock = surroundings.clock ?? systemClock;
  if (from.store.type === 'embedded') {
    const { path, key } = from.store;
    if (!EmbeddedStore.isIn(path)) throw new StoreError(`There is no store in ${path}, so there is nothing to copy.`);
    if (key === undefined && !hasKeyBeside(path)) throw new StoreError(`The key of the store in ${path} is not beside it. Put it in store.key.`);
  }
  const opened: TokenStore[] = [];
  const end = async (config: LoadedConfig): Promise<CopyEnd> => {
    const { store, seal } = await openStore(config, surroundings, clock);
    opened.push(store);
    return { store, records: new Records(store, seal, clock) };
  };
  try {
    return await copyRecords(await end(from), await end(to), options);
  } finally {
    for (const store of opened) await store.close();
  }
}

/** The configured store and what seals its records. Rejects with a StoreError. */
async function openStore({ store: config }: LoadedConfig, surroundings: Surroundings, clock: Clock): Promise<{ store: TokenStore; seal: Seal }> {
  const retired = config.retiredKeys.map(sealingKey);
  if (config.type === 'redis') return { store: await RedisStore.open(redisOptions(config)), seal: new Seal(sealingKey(config.key), retired) };
  let current = config.key;
  if (current === undefined) {
    const beside = keyBesideStore(config.path);
    if (beside.created) surroundings.log.warn('made a store key beside the store: whoever copies the folder has the key too. Set store.key to keep it elsewhere', { file: beside.file });
    current = beside.text;
  }
  const seal = new Seal(sealingKey(current), retired);
  const store = EmbeddedStore.open(config.path, { ownerIsGone: surroundings.ownerIsGone, now: () => clock.wall() });
  return { store: surroundings.peers === undefined ? store : new AnnouncingStore(store, surroundings.peers), seal };
}

function redisOptions(config: Extract<LoadedConfig['store'], { type: 'redis' }>): RedisOptions {
  const { url, sentinel, cluster, username, password, tls, keyPrefix, commandTimeout, waitReplicas } = config;
  const place: RedisPlace = sentinel !== undefined
    ? { kind: 'sentinel', name: sentinel.name, nodes: sentinel.nodes.map(hostAndPort), password: sentinel.password }
    : cluster !== undefined ? { kind: 'cluster', nodes: cluster.nodes.map(hostAndPort) } : { kind: 'single', url: url! };
  const files = tls && readTlsFiles({ ...tls, minVersion: 'TLSv1.2' });
  return { place, username, password, keyPrefix, commandTimeout, waitReplicas, tls: files && pick(files) };
}

function hostAndPort(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function pick({ ca, cert, key }: SecureContextOptions): NonNullable<RedisOptions['tls']> {
  return { ...(ca !== undefined && { ca: ca as Buffer }), ...(cert !== undefined && { cert: cert as Buffer }), ...(key !== undefined && { key: key as Buffer }) };
}

/** Named accounts are made now, so that a file they need is missed now; generated ones when they are used. */
function credentialSource(config: LoadedConfig, clock: Clock, sendTokenCall: SendTokenCall | undefined, via: (origin: string) => string): CredentialSource {
  const senders = new Map<string, SendTokenCall>();
  const senderFor = (tls: RouteConfig['tls']): SendTokenCall => {
    const key = JSON.stringify(tls ?? null);
    let sender = senders.get(key);
    if (sender === undefined) senders.set(key, (sender = sendTokenCall ?? tokenCallSender(upstreamTls(tls), via)));
    return sender;
  };
  const { byName, kinds } = config.generated;
  for (const { settings } of kinds) senderFor(settings.tls);
  const make = (account: string): Credential | undefined => {
    const found = findAccount(config, account);
    return found && credentialOf(account, found, clock, senderFor(found.settings.tls));
  };
  const named = new Map(Object.keys(config.accounts).map((account) => [account, make(account)!]));
  return {
    get: (account) => named.get(account) ?? make(account),
    has: (account) => named.has(account) || byName.has(account),
    size: named.size + byName.size,
    named: [...named.keys()],
  };
}

function credentialOf(account: string, { settings, flow }: FoundAccount, clock: Clock, send: SendTokenCall): Credential {
  const values = settings.credentials;
  const text = JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
  const open = JSON.stringify(Object.entries(values).filter(([name]) => !/password|secret|key|^token$/i.test(name)).sort(([a], [b]) => (a < b ? -1 : 1)));
  const call = (which: 'login' | 'refresh', extra: Record<string, unknown>) => runCall(flow[which]!, flow, flow.baseUrl, { ...values, ...extra }, send, () => clock.wall());
  return {
    account,
    flow: settings.flow,
    identity: digest(`${settings.flow}\n${flow.baseUrl ?? ''}\n${open}`),
    credentials: digest(text),
    fixed: flow.login === undefined ? fixedToken(values['token']) : undefined,
    renew: flow.renew,
    canRefresh: flow.refresh !== undefined,
    rotationGrace: flow.rotationGrace * 1000,
    budget: flow.budget && {
      // Counted as the upstream counts: by these credentials, whatever the account is called here.
      key: flow.budget.by.length === 0 ? `${settings.flow}/${account}` : `${settings.flow}/${digest(JSON.stringify(flow.budget.by.map((name) => values[name] ?? null)))}`,
      logins: flow.budget.logins, window: flow.budget.per * 1000, reserve: flow.budget.reserve,
    },
    login: () => call('login', {}),
    refresh: (token) => call('refresh', { refreshToken: token.revealRefresh() }),
  };
}

function fixedToken(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Tells two values apart without keeping either. Only ever stored inside sealed records or made of values that are no secrets. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 32);
}

function routeOf(config: RouteConfig, all: LoadedConfig, metrics: Metrics, via: (origin: string) => string): Route {
  const url = new URL(config.upstream);
  const basePath = url.pathname.replace(/\/+$/, '');
  const { flow, logins } = flowOfRoute(config, all, url.origin);
  const many = config.accountFrom;
  return {
    config,
    name: config.prefix,
    prefix: config.prefix === '/' ? '' : config.prefix,
    upstream: new Upstream(destinationOf(url.origin, upstreamTls(config.tls), via(url.origin)), { maxConnections: config.maxConnections, oneRequestEach: config.freshConnection, timeouts: config.timeouts }),
    basePath,
    origin: url.origin,
    host: url.host,
    account: config.account,
    choice: many && { header: many.header?.toLowerCase(), allow: accountPatterns(many.allow), serves: (account) => servesAccount(all, many.flow, account) },
    accountHeader: many?.header === undefined ? undefined : plain(many.header),
    flow,
    logins,
    policy: config.policy && readyPolicy(config.policy, basePath),
    attach: flow && (many === undefined ? attacher : attacherOfMany)(flow.attach),
    deadToken: flow?.login === undefined ? undefined : deadTokenRule(flow.invalid),
    stats: metrics.route(config.prefix),
  };
}

/** The flow of a route's account or accounts, and the paths by which a caller would log in there himself. */
function flowOfRoute({ account, accountFrom }: RouteConfig, all: LoadedConfig, origin: string): { flow: Flow | undefined; logins: readonly LoginPath[] } {
  if (accountFrom !== undefined) {
    const flow = all.knownFlows.get(accountFrom.flow)!;
    // Each account may log in somewhere of its own, perhaps at this very host: the paths are guarded in any case.
    return { flow, logins: loginPaths({ ...flow, baseUrl: origin }, {}, origin) };
  }
  const found = account === undefined ? undefined : findAccount(all, account);
  return { flow: found?.flow, logins: found === undefined ? [] : loginPaths(found.flow, found.settings.credentials, origin) };
}

/** The token is attached, and its death seen, by the flow: an account that attaches its own otherwise cannot be served by a route for all. */
function servesAccount(config: LoadedConfig, flow: string, account: string): boolean {
  const generated = config.generated.byName.get(account);
  const settings = generated === undefined ? config.accounts[account] : config.generated.kinds[generated[0]]!.settings;
  return settings !== undefined && settings.flow === flow && settings.attach === undefined;
}

/** The corporate proxy on the way to an origin, or nothing. Never for this host itself. Throws a ConfigError if the environment names one that cannot be used. */
export function egressProxy({ egressProxy: setting }: Pick<LoadedConfig, 'egressProxy'>): (origin: string) => string {
  return (origin) => {
    if (setting === 'none' || isLoopback(new URL(origin).hostname)) return '';
    if (setting !== 'environment') return setting;
    const found = getProxyForUrl(origin);
    if (found !== '' && !(URL.canParse(found) && /^https?:$/.test(new URL(found).protocol))) {
      throw new ConfigError('environment', [{ path: '', line: undefined, message: `the proxy for ${origin} (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) is not an http:// or https:// URL; correct it, name the host in NO_PROXY, or set egressProxy: none` }]);
    }
    return found;
  };
}

function upstreamTls(files: RouteConfig['tls']): Destination['tls'] {
  return files === undefined ? {} : readTlsFiles(files);
}

function inboundTlsFiles({ listen: { tls } }: LoadedConfig): TlsFiles | undefined {
  return tls && { certFile: tls.certFile, keyFile: tls.keyFile, caFile: tls.clientCaFile, minVersion: tls.minVersion };
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

function proxyApp(proxy: Proxy): ReturnType<typeof createExpress> {
  const app = createExpress();
  app.use(createHandler(proxy));
  // Express comes here only if it fails before the handler runs.
  app.use((error: unknown, request: Parameters<typeof answerError>[0], response: Parameters<typeof answerError>[1], _next: unknown) => {
    proxy.log.error('unexpected fault before the handler', { detail: describeFault(error) });
    answerError(request, response, new TokenwardError('request_malformed'));
  });
  return app;
}

function observerOf(metrics: Metrics, log: Logger): TokenObserver {
  return {
    renewed({ account, flow }, kind, outcome, reason, seconds) {
      metrics.renewals.inc({ account: metrics.accountLabel(account), flow, kind, outcome });
      metrics.renewalSeconds.observe({ flow, kind }, seconds);
      if (outcome === 'granted') {
        log.info('got a new token', { account, flow, kind, seconds });
        return;
      }
      // The reason of a refusal may carry the upstream's error code: for the log. The label stays within a few words.
      metrics.renewalFailures.inc({ account: metrics.accountLabel(account), flow, kind, reason: outcome === 'refused' ? 'refused' : reason });
      log.warn('a token call brought no token', { account, flow, kind, outcome, reason, seconds });
    },
    withheld({ account, flow }, reason) {
      metrics.renewalFailures.inc({ account: metrics.accountLabel(account), flow, kind: 'none', reason });
      log.debug('no token call made', { account, flow, reason });
    },
    changed({ account, flow }) {
      log.debug('credential changed', { account, flow });
    },
    storeFailed(operation, error) {
      metrics.storeErrors.inc({ reason: operation });
      log.error('the token store failed', { reason: operation, detail: error instanceof Error && error.name === 'StoreError' ? error.message : describeFault(error) });
    },
  };
}
