import type { RouteConfig } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { RefusedCalls } from '../refused-calls.ts';
import type { Clock } from '../tokens/clock.ts';
import type { RenewNowOptions, TokenManager } from '../tokens/manager.ts';
import { ACCOUNT_STATUS_NAMES } from '../tokens/status.ts';
import type { StoreHealth, StoreState } from '../tokens/store-health.ts';
import { describeConfig, type ConfigState } from './config-status.ts';
import { describeAccounts } from './account-gauges.ts';
import { AccountList, type AccountPage, type AccountQuery, type KnownStates } from './account-list.ts';
import { hasAll, statusOf, type StatusParts } from './describe-status.ts';
import { MinuteRings } from './minutes.ts';
import { OPEN_METRICS, openMetricsText } from './open-metrics.ts';
import { overviewOf } from './overview.ts';
import { readinessOf, withRequested, type Readiness, type ReadinessQuery } from './readiness.ts';
import { inSlices } from './slices.ts';
import type {
  AccountHistoryView,
  AccountStatus,
  CallerState,
  OngoingOutage,
  ProcessRoute,
  ProcessState,
  StatusDocument,
} from './status-document.ts';
import type { MetricsJson, OperatorView, Overview, RenewedToken } from './view.ts';

interface LocalParts {
  readonly tokens: TokenManager;
  readonly health: StoreHealth;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly buffers: { readonly used: number };
  readonly refusedCalls: RefusedCalls;
  /** Tunnels of the forward proxy. Undefined: this is none. */
  readonly tunnels: { readonly size: number } | undefined;
  readonly spilledBytes: () => number;
  readonly lifecycle: { readonly stopping: boolean };
  readonly clock: Clock;
  /** Those of the configuration in use. */
  readonly routes: () => readonly RouteConfig[];
  readonly history: AccountHistoryView;
  readonly outages: { ongoing(): readonly OngoingOutage[] };
  /** Names, and prefixes of the routes that they may use (undefined: all). None: callers are not authenticated. */
  readonly callers: () => readonly { readonly name: string; readonly routes?: readonly string[] | undefined }[];
  /** Begins an orderly stop. Absent: this process cannot be stopped from here. */
  readonly drain?: (() => void) | undefined;
  /** When the certificates of listeners and the authority end. Wall-clock ms. */
  readonly certificates: () => readonly { readonly name: string; readonly endsAt: number }[];
  /** Undefined: another process reads the configuration. */
  readonly config: { readonly state: ConfigState } | undefined;
}

/** What a state includes. */
export interface StateOptions {
  /** Reads the counts of logins from the store first. */
  readonly counts?: boolean;
  /** The accounts' last renewals. */
  readonly renewals?: boolean;
  /** Accounts to include in any case. */
  readonly requested?: readonly string[];
  /** For whoever asks every second: the store's last check counts for a while, because each check is a write. */
  readonly recentStore?: boolean;
}

/** How long that is. ms. */
const RECENT_STORE_MS = 5_000;

/** The accounts in memory that are not `unused`, in a form that is quickly sent to another process. */
export interface PackedStates {
  /** With line breaks between them: one long text is read quicker than a hundred thousand short ones. */
  readonly names: string;
  /** A digit for each: its place in ACCOUNT_STATUS_NAMES. */
  readonly states: string;
  readonly generations: readonly number[];
}

/** The view of this process. */
export class LocalView implements OperatorView {
  readonly drain: (() => void) | undefined;
  readonly #parts: LocalParts;
  readonly #minutes: MinuteRings;
  readonly #list = new AccountList(() => this.#knownStates());
  /** The last logged state of the store. */
  #storeWasUsable = true;
  /** Monotonic ms. */
  #storeCheckedAt = -Infinity;

  constructor(parts: LocalParts) {
    this.#parts = parts;
    this.#minutes = new MinuteRings(parts.metrics, parts.clock);
    this.drain = parts.drain;
  }

  close(): void {
    this.#minutes.close();
  }

  async state(options: StateOptions = {}): Promise<ProcessState> {
    const { counts = false, renewals = false, requested = [], recentStore = false } = options;
    const { tokens, lifecycle, history, config } = this.#parts;
    if (counts) await tokens.refreshBudgets();
    const accounts = withRequested(
      tokens.status(),
      requested.map((account) => tokens.statusOf(account)),
    );
    return {
      stopping: lifecycle.stopping,
      store: await this.#storeState(recentStore ? RECENT_STORE_MS : 0),
      accountCount: tokens.count,
      unknown: requested.filter((account) => !tokens.has(account)),
      accounts: accounts.map((status) => history.describe(status, renewals)),
      routes: this.routes(),
      callers: this.#callers(),
      refused: this.#parts.refusedCalls.list(),
      revision: history.revision,
      ...(config && { config: config.state }),
    };
  }

  async readiness(query: ReadinessQuery): Promise<Readiness | undefined> {
    const state = await this.state({ requested: query.accounts });
    return state.unknown.length > 0 ? undefined : readinessOf(state, query, state.config);
  }

  async metrics(open: boolean): Promise<{ contentType: string; text: string }> {
    const { tokens, metrics } = this.#parts;
    await tokens.refreshBudgets();
    describeAccounts(metrics, tokens.status());
    await this.#describeProcess();
    const { registry } = metrics;
    if (open) return { contentType: OPEN_METRICS, text: openMetricsText(await registry.getMetricsAsJSON()) };
    const texts: string[] = [];
    // One by one, with requests served in between: the series of 500 accounts take tens of ms in one piece.
    for (const { name } of registry.getMetricsAsArray()) {
      texts.push(await registry.getSingleMetricAsString(name));
      await new Promise(setImmediate);
    }
    return { contentType: registry.contentType, text: `${texts.join('\n\n')}\n` };
  }

  /** The metrics of one worker. The primary adds the accounts' gauges, from what all workers know. */
  async metricsJson(): Promise<MetricsJson> {
    await this.#describeProcess();
    return this.#parts.metrics.registry.getMetricsAsJSON();
  }

  async status(): Promise<StatusDocument> {
    const state = await this.state({ counts: true, renewals: true });
    return statusOf(state, await this.#statusParts(state));
  }

  async overview(): Promise<Overview> {
    const state = await this.state({ recentStore: true });
    return overviewOf(state, await this.#statusParts(state));
  }

  async accounts(query: AccountQuery): Promise<AccountPage> {
    const { names, ...page } = await this.#list.page(query);
    return { ...page, now: this.#parts.clock.wall(), accounts: await this.statuses(names) };
  }

  /** The statuses of these accounts, with their renewals and the present counts of logins. */
  async statuses(names: readonly string[]): Promise<AccountStatus[]> {
    const { tokens, history, lifecycle } = this.#parts;
    if (!lifecycle.stopping) await tokens.refreshBudgetsOf(names);
    return names.flatMap((name) => {
      const status = tokens.statusOfAny(name);
      return status === undefined ? [] : [history.describe(status, true)];
    });
  }

  /** For the primary, which merges the states of all workers. */
  async packedStates(): Promise<PackedStates> {
    const { tokens } = this.#parts;
    const names: string[] = [];
    const generations: number[] = [];
    let states = '';
    await inSlices(tokens.names(), (name) => {
      const status = tokens.statusOf(name);
      if (status === undefined || status.state === 'unused') return;
      names.push(name);
      generations.push(status.generation);
      states += String(ACCOUNT_STATUS_NAMES.indexOf(status.state));
    });
    return { names: names.join('\n'), states, generations };
  }

  async renew(account: string, options: RenewNowOptions): Promise<RenewedToken | undefined> {
    const { tokens } = this.#parts;
    if (!tokens.has(account)) return undefined;
    try {
      const { generation, expiresAt } = await tokens.renewNow(account, options);
      return { generation, expiresAt };
    } finally {
      this.#list.forget();
    }
  }

  async accountNames(): Promise<readonly string[]> {
    return this.#parts.tokens.status().map(({ account }) => account);
  }

  async #statusParts(state: ProcessState): Promise<StatusParts> {
    const states = hasAll(state) ? undefined : await this.#list.counts();
    return { now: this.#parts.clock.wall(), states, canDrain: this.drain !== undefined };
  }

  async #knownStates(): Promise<KnownStates> {
    const { tokens } = this.#parts;
    return { names: tokens.names(), stateOf: (name) => tokens.statusOf(name)?.state };
  }

  /** The routes and their last hour. */
  routes(): ProcessRoute[] {
    const { metrics, routes, outages, callers } = this.#parts;
    const all = callers();
    const ongoing = new Map(outages.ongoing().map((outage) => [outage.route, outage]));
    return routes().map(({ name, upstream, account, accountFrom }) => {
      const stats = metrics.route(name);
      const outage = ongoing.get(name);
      return {
        prefix: name,
        upstream,
        account: account ?? (accountFrom && `by request (${accountFrom.flow})`),
        ...(accountFrom && { flow: accountFrom.flow }),
        requests: stats.duration.count,
        inFlight: stats.inFlight,
        minutes: this.#minutes.ofRoute(name),
        ...(outage && { outage }),
        callers: all.filter((caller) => caller.routes?.includes(name) ?? true).map((caller) => caller.name),
      };
    });
  }

  #callers(): CallerState[] {
    const { metrics, callers } = this.#parts;
    return callers().map(({ name }) => {
      const { inFlight, admitted, refused } = metrics.caller(name);
      return { name, inFlight, admitted, refused, lately: this.#minutes.ofCaller(name) };
    });
  }

  async #describeProcess(): Promise<void> {
    const { tokens, metrics, buffers, tunnels, spilledBytes } = this.#parts;
    metrics.storeUsable.set((await this.#storeState()).usable ? 1 : 0);
    if (this.#parts.config !== undefined) describeConfig(metrics, this.#parts.config.state);
    metrics.certificateExpiry.reset();
    for (const { name, endsAt } of this.#parts.certificates()) metrics.certificateExpiry.set({ name }, endsAt / 1000);
    metrics.bufferedBytes.set(buffers.used);
    metrics.tunnelsOpen.set(tunnels?.size ?? 0);
    metrics.spilledBytes.set(spilledBytes());
    metrics.accountsKnown.set(tokens.count.known);
    metrics.accountsInMemory.set(tokens.count.inMemory);
  }

  async #storeState(maxAge = 0): Promise<StoreState> {
    const { health, lifecycle, log, clock } = this.#parts;
    // A stopping process may have closed its store: its last check counts.
    const isRecent = lifecycle.stopping || clock.monotonic() - this.#storeCheckedAt < maxAge;
    const state = isRecent ? health.state : await health.check();
    if (!isRecent) this.#storeCheckedAt = clock.monotonic();
    if (state.usable !== this.#storeWasUsable) {
      this.#storeWasUsable = state.usable;
      if (state.usable) log.info('the token store can be used again');
      else
        log.error('the token store cannot be used: tokens in memory are still used, none is renewed', {
          detail: state.error ?? 'no reason is known',
        });
    }
    return state;
  }
}
