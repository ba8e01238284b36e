import { TokenwardError } from '../errors.ts';
import { describeConfig, type ConfigState } from '../operator/config-status.ts';
import { describeAccounts } from '../operator/account-gauges.ts';
import { OPEN_METRICS, openMetricsText } from '../operator/open-metrics.ts';
import { readinessOf, type Readiness, type ReadinessQuery } from '../operator/readiness.ts';
import { AccountList, type AccountPage, type AccountQuery, type KnownStates } from '../operator/account-list.ts';
import { hasAll, statusOf, type StatusParts } from '../operator/describe-status.ts';
import type { StateOptions } from '../operator/local-view.ts';
import { sumOfMinutes } from '../operator/minutes.ts';
import { overviewOf } from '../operator/overview.ts';
import { inSlices } from '../operator/slices.ts';
import type { AccountStatus, ProcessState, StatusDocument, WorkerStatus } from '../operator/status-document.ts';
import type { OperatorView, Overview, RenewedToken } from '../operator/view.ts';
import type { Clock } from '../tokens/clock.ts';
import type { RenewNowOptions } from '../tokens/manager.ts';
import type { WorkerPool } from './worker-pool.ts';
import { ACCOUNT_STATUS_NAMES, type AccountStatusName } from '../tokens/status.ts';
import { sumOfAccounts, sumOfStates, withExemplars } from './sum.ts';
import type { WorkerProcess } from './worker-process.ts';

/** The workers' states. */
interface WorkerStates {
  readonly state: ProcessState;
  readonly states: ReadonlyMap<WorkerProcess, ProcessState>;
  readonly silent: ReadonlySet<WorkerProcess>;
}

/** A series in prom-client's JSON, whose types lack these fields. */
interface Series {
  readonly metricName?: string;
  readonly labels: { readonly route?: string };
  readonly value: number;
}

/** The operator's view of all workers as one tokenward. */
export class PoolView implements OperatorView {
  readonly #pool: WorkerPool;
  readonly #clock: Clock;
  readonly #config: { readonly state: ConfigState } | undefined;
  readonly #list = new AccountList(() => this.#knownStates());
  readonly drain: (() => void) | undefined;

  constructor(pool: WorkerPool, clock: Clock, config?: { readonly state: ConfigState }, drain?: () => void) {
    this.#pool = pool;
    this.#config = config;
    this.#clock = clock;
    this.drain = drain;
  }

  async readiness(query: ReadinessQuery): Promise<Readiness | undefined> {
    const { state, silent } = await this.#state({ requested: query.accounts });
    if (state.unknown.length > 0) return undefined;
    const { ready, problems } = readinessOf(state, query, this.#config?.state);
    const serving = this.#pool.workers.some((worker) => worker.state === 'up' && !silent.has(worker));
    const { missing } = this.#pool;
    return {
      ready: ready && serving,
      problems: [
        ...problems,
        ...(serving || state.stopping ? [] : [{ problem: 'no worker is up' }]),
        // The others serve: a problem, but no reason to be not ready.
        ...(state.stopping ? [] : missing.map((slot) => ({ problem: this.#whyMissing(slot) }))),
        ...[...silent].map(({ slot }) => ({ problem: `worker ${slot} does not respond` })),
      ],
    };
  }

  #whyMissing(slot: number): string {
    const { workers, started } = this.#pool;
    const reason = workers.find((worker) => worker.slot === slot && worker.state === 'starting')?.waitsFor;
    if (reason !== undefined) return `worker ${slot} is starting, and waits: ${reason}`;
    return `worker ${slot} is not up; it is being ${started ? 'replaced' : 'started'}`;
  }

  async metrics(open: boolean): Promise<{ contentType: string; text: string }> {
    const pool = this.#pool;
    const [{ state }] = await Promise.all([this.#state({ counts: true }), this.#collectMetrics()]);
    if (this.#config !== undefined) describeConfig(pool.metrics, this.#config.state);
    describeAccounts(pool.metrics, state.accounts);
    const own = await pool.metrics.registry.getMetricsAsJSON();
    // From each worker's last metrics: those of one that ends at this moment are in the sum.
    const processes = [...pool.workers.map(({ lastMetrics }) => lastMetrics), own];
    const registry = pool.sum.aggregate(processes);
    if (open) {
      const sums = withExemplars(await registry.getMetricsAsJSON(), processes);
      return { contentType: OPEN_METRICS, text: openMetricsText(sums) };
    }
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  async status(): Promise<StatusDocument> {
    const { state, parts } = await this.#describe({ counts: true, renewals: true });
    return statusOf(state, parts);
  }

  async overview(): Promise<Overview> {
    const { state, parts } = await this.#describe({ recentStore: true });
    return overviewOf(state, parts);
  }

  async accounts(query: AccountQuery): Promise<AccountPage> {
    const { names, ...page } = await this.#list.page(query);
    const lists = await this.#ofAll((worker) => worker.request({ kind: 'statuses', names }));
    const known = new Map(sumOfAccounts(lists).map((status) => [status.account, status]));
    const accounts = names.flatMap((name): AccountStatus[] => {
      const status = known.get(name);
      return status === undefined ? [] : [status];
    });
    return { ...page, now: this.#clock.wall(), accounts };
  }

  async renew(account: string, options: RenewNowOptions): Promise<RenewedToken | undefined> {
    // One worker is enough: the others are notified of the new token.
    for (const worker of this.#serving()) {
      const renewed = await worker.request({ kind: 'renew', account, options }).finally(() => this.#list.forget());
      if (renewed !== undefined) return renewed ?? undefined;
    }
    throw new TokenwardError('token_unavailable', { detail: 'no worker responds', retryAfter: 1 });
  }

  async accountNames(): Promise<readonly string[]> {
    const { state } = await this.#state({});
    return state.accounts.map(({ account }) => account);
  }

  /** Requests the metrics of every worker. */
  async #collectMetrics(): Promise<void> {
    await Promise.all(this.#running().map((worker) => worker.request({ kind: 'metrics' }).catch(() => undefined)));
  }

  /** Workers that have been ready. */
  #running(): WorkerProcess[] {
    return this.#pool.workers.filter(({ readyAt, state }) => readyAt !== undefined && state !== 'gone');
  }

  #serving(): WorkerProcess[] {
    return this.#pool.workers.filter(({ state }) => state === 'up');
  }

  /** The state of all workers, with what those that have ended leave behind. */
  async #describe(options: StateOptions): Promise<{ readonly state: ProcessState; readonly parts: StatusParts }> {
    const [{ state, silent, states: byWorker }, requestCounts] = await Promise.all([
      this.#state(options),
      this.#requests(),
    ]);
    const counts = hasAll(state) ? undefined : await this.#list.counts();
    const workers: WorkerStatus[] = this.#pool.workers
      .filter((worker) => worker.state !== 'gone')
      .map((worker) => ({
        worker: worker.slot,
        pid: worker.pid,
        state: silent.has(worker) ? ('silent' as const) : (worker.state as 'starting' | 'up' | 'leaving'),
        requests: byWorker.get(worker)?.routes.reduce((sum, { requests }) => sum + requests, 0),
      }))
      .sort((a, b) => a.worker - b.worker);
    const now = this.#clock.wall();
    const routes = state.routes.map((route) => ({
      ...route,
      requests: requestCounts.get(route.prefix) ?? route.requests,
      minutes: sumOfMinutes([this.#pool.minutes.of(route.prefix, now), route.minutes]),
    }));
    const missing = state.stopping ? [] : this.#pool.missing;
    const canDrain = this.drain !== undefined;
    return { state: { ...state, routes }, parts: { now, workers, missing, states: counts, canDrain } };
  }

  /** What all workers that respond say. */
  async #ofAll<T>(request: (worker: WorkerProcess) => Promise<T | undefined>): Promise<T[]> {
    const all = await Promise.all(this.#running().map((worker) => request(worker).catch(() => undefined)));
    return all.filter((answer): answer is Awaited<T> => answer !== undefined);
  }

  /** As in `sumOfStates`: the newest token counts, and of those who know it the worst state. */
  async #knownStates(): Promise<KnownStates> {
    const { accounts, generated } = this.#pool.config;
    const packed = await this.#ofAll((worker) => worker.request({ kind: 'index' }));
    const states = new Map<string, AccountStatusName>();
    const newest = new Map<string, number>();
    for (const { names, states: digits, generations } of packed) {
      let index = 0;
      await inSlices(names === '' ? [] : names.split('\n'), (name) => {
        const state = ACCOUNT_STATUS_NAMES[Number(digits[index])]!;
        const generation = generations[index]!;
        const known = newest.get(name) ?? -1;
        const isWorse = ACCOUNT_STATUS_NAMES.indexOf(state) < ACCOUNT_STATUS_NAMES.indexOf(states.get(name)!);
        if (generation > known || (generation === known && isWorse)) {
          states.set(name, state);
          newest.set(name, generation);
        }
        index += 1;
      });
    }
    const names = [Object.keys(accounts), generated.byName.keys()];
    return { names: joined(names), stateOf: (name) => states.get(name) };
  }

  /** The merged state of the workers, and which of them did not respond. */
  async #state(options: StateOptions): Promise<WorkerStates> {
    const silent = new Set<WorkerProcess>();
    const states = new Map<WorkerProcess, ProcessState>();
    await Promise.all(
      this.#running().map(async (worker) => {
        const wasUp = worker.state === 'up';
        const state = await worker.request({ kind: 'state', options }).catch(() => undefined);
        // A leaving worker may have ended by now.
        if (state !== undefined) states.set(worker, state);
        else if (wasUp && worker.state === 'up') silent.add(worker);
      }),
    );
    const config = this.#config && { config: this.#config.state };
    const state = { stopping: this.#pool.stopping, ...sumOfStates([...states.values()]), ...config };
    return { state, states, silent };
  }

  /** Requests by route, including those of workers that have ended. */
  async #requests(): Promise<ReadonlyMap<string, number>> {
    await this.#collectMetrics();
    const sum = await this.#pool.sum
      .aggregate(this.#pool.workers.map(({ lastMetrics }) => lastMetrics))
      .getMetricsAsJSON();
    const durations = sum.find(({ name }) => name === 'tokenward_request_duration_seconds');
    const values = (durations?.values ?? []) as readonly Series[];
    const counts = values.filter(({ metricName }) => metricName?.endsWith('_count') === true);
    return new Map(counts.map(({ labels, value }) => [labels.route ?? '', value]));
  }
}

function* joined(lists: readonly Iterable<string>[]): Generator<string> {
  for (const list of lists) yield* list;
}
