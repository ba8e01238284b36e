import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, type Aggregator } from 'prom-client';
import { UpgradeStats } from './upgrade-stats.ts';
import { RouteHistogram } from './route-histogram.ts';
import { BUCKETS, FIRST_BYTE_BUCKETS, OVERHEAD_BUCKETS, RouteStats } from './route-stats.ts';

/** One caller's counts, as plain numbers like RouteStats. */
export interface CallerStats {
  inFlight: number;
  admitted: number;
  refused: number;
}

/** The connections to one upstream, and the requests that wait for one. */
export interface UpstreamConnections {
  readonly busy: number;
  readonly idle: number;
  readonly connecting: number;
  readonly waiting: number;
}

/** Accounts with series of their own; all further ones share one. */
const MAX_LABELLED = 500;
/** From a read of the embedded store to a Redis that is given up. Seconds. */
const STORE_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];
/** Routes with series of their own for the parts of a request's time: each route adds 45 lines to a scrape. */
const MAX_TIMED_ROUTES = 40;
/** The label `account` of those. */
const OTHER_ACCOUNTS = '(others)';

/**
 * Everything tokenward counts. Names and labels are an API: documented in docs/metrics.md and compared with it by a
 * test.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #routes = new Map<string, RouteStats>();
  readonly #callers = new Map<string, CallerStats>();
  readonly #upgrades = new Map<string, UpgradeStats>();
  readonly #connections = new Map<string, () => UpstreamConnections>();
  readonly #labelled = new Set<string>();
  readonly #timed = new Set<string>();

  readonly errors = this.#counter('errors_total', 'Error responses that tokenward generated, by error code.', [
    'route',
    'reason',
  ]);
  readonly renewals = this.#counter('renewals_total', 'Requests to token endpoints, by outcome.', [
    'account',
    'flow',
    'kind',
    'outcome',
  ]);
  readonly renewalFailures = this.#counter(
    'renewal_failures_total',
    'Renewals that brought no token, including those suppressed before a request was sent, by reason.',
    ['account', 'flow', 'kind', 'reason'],
  );
  readonly rejections = this.#counter(
    'dead_token_replies_total',
    'Responses that reject the token. current: it was the newest token; late: a newer token existed already; ' +
      'ineffective: a new token had not helped before.',
    ['route', 'account', 'reason'],
  );
  readonly tokensRefused = this.#counter(
    'tokens_refused_total',
    'Distinct tokens that an upstream has rejected, however many responses said so.',
    ['account'],
  );
  readonly replays = this.#counter(
    'replays_total',
    'Requests after a renewal. recovered: replayed and accepted; refused: replayed and rejected again; failed: ' +
      'the replay broke off; skipped: could not be replayed.',
    ['route', 'outcome'],
  );
  readonly policyVerdicts = this.#counter(
    'policy_verdicts_total',
    "Requests that a route's policy does not allow: refused, or only reported.",
    ['route', 'reason', 'outcome'],
  );
  readonly tunnels = this.#counter(
    'tunnels_total',
    'CONNECT requests. terminated: for the host of a route, and its requests are served here; tunnelled: for another ' +
      'host, unread; refused: neither; untrusted, other name, broken: the TLS handshake failed.',
    ['outcome'],
  );
  readonly tunnelsOpen = this.#gauge('tunnels_open', 'Tunnels of the forward proxy.', [], 'sum');
  readonly accessLinesDropped = this.#counter(
    'access_lines_dropped_total',
    'Access lines that were not written. limit: log.access.perSecond; backlog: standard output is not read.',
    ['reason'],
  );
  readonly spansExported = this.#counter('spans_exported_total', 'Spans that the endpoint of tracing has taken.', []);
  readonly spansDropped = this.#counter(
    'spans_dropped_total',
    'Spans that got lost. queue: the endpoint of tracing is slower than they come; export: it does not take them.',
    ['reason'],
  );
  readonly storeErrors = this.#counter('store_errors_total', 'Failed token store operations, by kind.', ['reason']);
  readonly storeSeconds = new Histogram({
    name: 'tokenward_store_duration_seconds',
    help: 'Duration of token store operations that succeeded.',
    labelNames: ['operation'],
    buckets: STORE_BUCKETS,
    registers: [this.registry],
  });
  readonly renewalSeconds = new Histogram({
    name: 'tokenward_renewal_duration_seconds',
    help: 'Duration of requests to token endpoints.',
    labelNames: ['flow', 'kind'],
    buckets: BUCKETS,
    registers: [this.registry],
  });

  // Gauges of accounts. With several workers only the primary sets them, from the state of all workers (see
  // `describeAccounts`).
  readonly expiry = this.#gauge(
    'token_expiry_timestamp_seconds',
    'Unix time at which the token in use expires.',
    ['account', 'flow'],
    'max',
  );
  readonly refreshExpiry = this.#gauge(
    'refresh_token_expiry_timestamp_seconds',
    'Unix time at which the refresh token expires, after which only a login or a person helps.',
    ['account', 'flow'],
    'max',
  );
  readonly nextTry = this.#gauge(
    'renewal_next_try_timestamp_seconds',
    'Unix time at which the next renewal may be tried, while one is held back.',
    ['account', 'flow'],
    'max',
  );
  readonly obtained = this.#gauge(
    'token_obtained_timestamp_seconds',
    'Unix time at which the token in use was obtained.',
    ['account', 'flow'],
    'max',
  );
  readonly generation = this.#gauge(
    'token_generation',
    'Number of tokens the account has had.',
    ['account', 'flow'],
    'max',
  );
  readonly budgetRemaining = this.#gauge(
    'login_budget_remaining',
    'Automatic logins left in the rolling window, without the reserve.',
    ['account', 'flow'],
    'min',
  );
  readonly budgetLimit = this.#gauge(
    'login_budget_limit',
    'Automatic logins allowed in the rolling window, without the reserve.',
    ['account', 'flow'],
    'first',
  );
  readonly reserveRemaining = this.#gauge(
    'login_reserve_remaining',
    "Logins left in the operators' reserve.",
    ['account', 'flow'],
    'min',
  );
  readonly reserveLimit = this.#gauge(
    'login_reserve_limit',
    'Logins of the rolling window that are kept for operators.',
    ['account', 'flow'],
    'first',
  );
  readonly renewalsRemaining = this.#gauge(
    'renewal_budget_remaining',
    'Renewals (logins and refreshes) left in the rolling window of `per` seconds.',
    ['account', 'flow', 'per'],
    'min',
  );
  readonly renewalsLimit = this.#gauge(
    'renewal_budget_limit',
    'Renewals (logins and refreshes) allowed in the rolling window of `per` seconds.',
    ['account', 'flow', 'per'],
    'first',
  );
  readonly dead = this.#gauge(
    'credential_dead',
    '1: the credentials were rejected or are missing; a person must act.',
    ['account', 'flow'],
    'max',
  );
  readonly ready = this.#gauge(
    'account_ready',
    '0: the account is dead, out_of_logins or down, and its requests fail.',
    ['account', 'flow'],
    'min',
  );
  readonly accountState = this.#gauge(
    'account_state',
    "Always 1; the label state is the account's current state.",
    ['account', 'flow', 'state'],
    'max',
  );
  readonly waiting = this.#gauge('callers_waiting', "Requests waiting for the account's token.", ['account'], 'sum');
  readonly bufferedBytes = this.#gauge(
    'buffered_bytes',
    'Bytes of request bodies kept for replay, in total.',
    [],
    'sum',
  );
  readonly spilledBytes = this.#gauge(
    'spilled_bytes',
    'Bytes of request bodies in files, in total; those whose length is known count from their beginning.',
    [],
    'sum',
  );
  readonly spilledBodies = this.#counter(
    'spilled_bodies_total',
    'Request bodies beyond the replay buffer, by what became of keeping them in a file.',
    ['route', 'outcome'],
  );
  readonly accountsKnown = this.#gauge(
    'accounts',
    'Configured accounts, including those of accountsFrom.',
    [],
    'first',
  );
  readonly accountsInMemory = this.#gauge(
    'accounts_in_memory',
    'Accounts whose state a process holds in memory; the largest of all workers.',
    [],
    'max',
  );
  readonly storeUsable = this.#gauge('store_usable', '1: the token store can be read and written.', [], 'min');
  readonly configReloaded = this.#gauge(
    'config_last_reload_successful',
    '0: the configuration was reloaded and could not be applied. 1: otherwise.',
    [],
    'min',
  );
  readonly configAppliedAt = this.#gauge(
    'config_last_reload_success_timestamp_seconds',
    'Unix time since which the configuration is in use: of the last reload that succeeded, or of the start.',
    [],
    'max',
  );
  readonly configInfo = this.#gauge(
    'config_info',
    'Always 1; the label hash tells two configurations apart.',
    ['hash'],
    'first',
  );
  readonly routeInfo = this.#gauge(
    'route_info',
    'Always 1; the label account is the account whose token is attached, empty where the request selects it.',
    ['route', 'account'],
    'first',
  );
  readonly certificateExpiry = this.#gauge(
    'certificate_expiry_timestamp_seconds',
    'Unix time at which a certificate of a listener, or the authority, ends.',
    ['name'],
    'min',
  );
  readonly workers = this.#gauge('workers', 'Processes that serve requests.', [], 'sum');
  readonly workerCrashes = this.#counter('worker_crashes_total', 'Worker processes that ended unexpectedly.', []);

  /** `engine`: the first reader of requests. */
  constructor(version: string, engine: 'fast' | 'express' = 'fast') {
    const routes = this.#routes;
    new Counter({
      name: 'tokenward_requests_total',
      help: 'Finished requests, by route and status class.',
      labelNames: ['route', 'status'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [route, stats] of routes)
          for (const [status, count] of stats.statuses()) this.inc({ route, status }, count);
      },
    });
    new Gauge({
      name: 'tokenward_requests_in_flight',
      help: 'Requests in flight.',
      labelNames: ['route'],
      registers: [this.registry],
      collect() {
        for (const [route, stats] of routes) this.set({ route }, stats.inFlight);
      },
    });
    const callers = this.#callers;
    new Counter({
      name: 'tokenward_caller_requests_total',
      help: 'Requests of identified callers: admitted, or refused because the caller reached its concurrency limit.',
      labelNames: ['caller', 'outcome'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [caller, { admitted, refused }] of callers) {
          this.inc({ caller, outcome: 'admitted' }, admitted);
          this.inc({ caller, outcome: 'refused' }, refused);
        }
      },
    });
    new Gauge({
      name: 'tokenward_caller_requests_in_flight',
      help: 'Requests in flight, by caller.',
      labelNames: ['caller'],
      registers: [this.registry],
      collect() {
        for (const [caller, { inFlight }] of callers) this.set({ caller }, inFlight);
      },
    });
    this.#registerUpgrades();
    this.#registerTimes();
    this.#registerConnections();
    new Gauge({
      name: 'tokenward_build_info',
      help: 'Always 1; the labels name the version of tokenward and of Node, and the engine.',
      labelNames: ['version', 'node', 'engine'],
      registers: [this.registry],
      aggregator: 'first',
    }).set({ version, node: process.version, engine }, 1);
    collectDefaultMetrics({ register: this.registry });
    // Left out of sums by default. The smallest is the primary's: a restart of all shows, one worker's does not.
    const started = this.registry.getSingleMetric('process_start_time_seconds') as unknown as {
      aggregator: Aggregator;
    };
    started.aggregator = 'min';
    // A running process has read its configuration.
    this.configReloaded.set(1);
  }

  /** The label `account` of this account. */
  accountLabel(account: string): string {
    if (this.#labelled.has(account)) return account;
    if (this.#labelled.size >= MAX_LABELLED) return OTHER_ACCOUNTS;
    this.#labelled.add(account);
    return account;
  }

  /** Creates the duration series of such requests, at 0. */
  beginTiming(flow: string, kind: string): void {
    const key = `${flow} ${kind}`;
    if (this.#timed.has(key)) return;
    this.#timed.add(key);
    this.renewalSeconds.zero({ flow, kind });
  }

  /** The counts of one route, by its prefix; `unmatched` for requests without a route. */
  route(prefix: string): RouteStats {
    let stats = this.#routes.get(prefix);
    if (stats === undefined) this.#routes.set(prefix, (stats = new RouteStats()));
    return stats;
  }

  /** The counts of all routes, and of `unmatched`. */
  get routes(): ReadonlyMap<string, RouteStats> {
    return this.#routes;
  }

  /** The counts of all callers. */
  get callers(): ReadonlyMap<string, CallerStats> {
    return this.#callers;
  }

  /** The counts of a route's upgraded connections. `ends`: in which ways they may end; none: the route has none. */
  upgrades(route: string, ends: readonly string[]): UpgradeStats {
    const stats = this.#upgrades.get(route) ?? new UpgradeStats(ends);
    if (ends.length > 0) this.#upgrades.set(route, stats);
    return stats;
  }

  /** Before the routes of another configuration: what is told of present routes only is empty. */
  beginRoutes(): void {
    this.routeInfo.reset();
    this.#connections.clear();
  }

  /** Shows the connections to a route's upstream, whenever metrics are read. */
  showConnections(route: string, connections: () => UpstreamConnections): void {
    this.#connections.set(route, connections);
  }

  #registerConnections(): void {
    const connections = this.#connections;
    new Gauge({
      name: 'tokenward_upstream_connections',
      help: 'Connections to upstreams that serve a request, wait for one, or are being made.',
      labelNames: ['route', 'state'],
      registers: [this.registry],
      collect() {
        for (const [route, counts] of connections) {
          const { busy, idle, connecting } = counts();
          this.set({ route, state: 'busy' }, busy);
          this.set({ route, state: 'idle' }, idle);
          this.set({ route, state: 'connecting' }, connecting);
        }
      },
    });
    new Gauge({
      name: 'tokenward_upstream_requests_waiting',
      help: 'Requests that wait for a connection to the upstream.',
      labelNames: ['route'],
      registers: [this.registry],
      collect() {
        for (const [route, counts] of connections) this.set({ route }, counts().waiting);
      },
    });
  }

  #registerTimes(): void {
    const registry = this.registry;
    const routes = this.#routes;
    new RouteHistogram(
      routes,
      BUCKETS,
      {
        name: 'tokenward_request_duration_seconds',
        help: 'Time from the request header section to the end of the response.',
        of: ({ duration }) => duration,
      },
      registry,
    );
    new RouteHistogram(
      routes,
      BUCKETS,
      {
        name: 'tokenward_upstream_duration_seconds',
        help: "Time that requests spent at the upstream, in all attempts, to the end of the response's body.",
        of: ({ upstream }) => upstream,
        maxRoutes: MAX_TIMED_ROUTES,
      },
      registry,
    );
    new RouteHistogram(
      routes,
      FIRST_BYTE_BUCKETS,
      {
        name: 'tokenward_upstream_first_byte_seconds',
        help: "Time until the upstream's response began, in the last attempt.",
        of: ({ firstByte }) => firstByte,
        maxRoutes: MAX_TIMED_ROUTES,
      },
      registry,
    );
    new RouteHistogram(
      routes,
      OVERHEAD_BUCKETS,
      {
        name: 'tokenward_overhead_seconds',
        help: 'Time that tokenward itself took until the response began.',
        of: ({ overhead }) => overhead,
        maxRoutes: MAX_TIMED_ROUTES,
      },
      registry,
    );
  }

  #registerUpgrades(): void {
    const upgrades = this.#upgrades;
    const registers = [this.registry];
    new Gauge({
      name: 'tokenward_upgraded_connections',
      help: 'Open connections that have left HTTP/1.1, such as WebSockets.',
      labelNames: ['route'],
      registers,
      collect() {
        for (const [route, { open }] of upgrades) this.set({ route }, open);
      },
    });
    new Counter({
      name: 'tokenward_upgrades_total',
      help: 'Connections that have left HTTP/1.1.',
      labelNames: ['route'],
      registers,
      collect() {
        this.reset();
        for (const [route, { total }] of upgrades) this.inc({ route }, total);
      },
    });
    new Counter({
      name: 'tokenward_upgraded_bytes_total',
      help: 'Bytes relayed on connections that have left HTTP/1.1.',
      labelNames: ['route', 'direction'],
      registers,
      collect() {
        this.reset();
        for (const [route, { toUpstream, toClient }] of upgrades) {
          this.inc({ route, direction: 'to_upstream' }, toUpstream);
          this.inc({ route, direction: 'to_client' }, toClient);
        }
      },
    });
    new Counter({
      name: 'tokenward_upgrades_ended_total',
      help: 'Connections that had left HTTP/1.1 and have ended, by who or what ended them.',
      labelNames: ['route', 'reason'],
      registers,
      collect() {
        this.reset();
        for (const [route, { ended }] of upgrades)
          for (const [reason, count] of ended) this.inc({ route, reason }, count);
      },
    });
  }

  /** The counts of one caller, by its configured name. */
  caller(name: string): CallerStats {
    let stats = this.#callers.get(name);
    if (stats === undefined) this.#callers.set(name, (stats = { inFlight: 0, admitted: 0, refused: 0 }));
    return stats;
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name: `tokenward_${name}`, help, labelNames: [...labelNames], registers: [this.registry] });
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[], aggregator: Aggregator): Gauge<T> {
    return new Gauge({
      name: `tokenward_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      aggregator,
    });
  }
}
