import { TokenwardError } from '../errors.ts';
import { describeAccounts } from '../operator/account-gauges.ts';
import { OPEN_METRICS, openMetricsText } from '../operator/open-metrics.ts';
import { readinessOf, type Readiness, type ReadinessQuery } from '../operator/readiness.ts';
import { statusOf, type ProcessState, type StatusDocument, type WorkerStatus } from '../operator/status-document.ts';
import type { OperatorView, RenewedToken } from '../operator/view.ts';
import type { Clock } from '../tokens/clock.ts';
import type { RenewNowOptions } from '../tokens/manager.ts';
import type { WorkerPool } from './worker-pool.ts';
import { sumOfStates, withExemplars } from './sum.ts';
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

  constructor(pool: WorkerPool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  async readiness(query: ReadinessQuery): Promise<Readiness | undefined> {
    const { state, silent } = await this.#state(false, query.accounts);
    if (state.unknown.length > 0) return undefined;
    const { ready, problems } = readinessOf(state, query);
    const serving = this.#pool.workers.some((worker) => worker.state === 'up' && !silent.has(worker));
    const { missing } = this.#pool;
    return {
      ready: ready && serving,
      problems: [
        ...problems,
        ...(serving || state.stopping ? [] : [{ problem: 'no worker is up' }]),
        // The others serve: a problem, but no reason to be not ready.
        ...(state.stopping
          ? []
          : missing.map((slot) => ({ problem: `worker ${slot} is not up; it is being replaced` }))),
        ...[...silent].map(({ slot }) => ({ problem: `worker ${slot} does not respond` })),
      ],
    };
  }

  async metrics(open: boolean): Promise<{ contentType: string; text: string }> {
    const pool = this.#pool;
    const [{ state }] = await Promise.all([this.#state(true), this.#collectMetrics()]);
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
    const { state, silent, states } = await this.#state(true);
    const workers: WorkerStatus[] = this.#pool.workers
      .filter((worker) => worker.state !== 'gone')
      .map((worker) => ({
        worker: worker.slot,
        pid: worker.pid,
        state: silent.has(worker) ? ('silent' as const) : (worker.state as 'starting' | 'up' | 'leaving'),
        requests: states.get(worker)?.routes.reduce((sum, { requests }) => sum + requests, 0),
      }))
      .sort((a, b) => a.worker - b.worker);
    const requestCounts = await this.#requests();
    const routes = state.routes.map((route) => ({
      ...route,
      requests: requestCounts.get(route.prefix) ?? route.requests,
    }));
    return { ...statusOf({ ...state, routes }, this.#clock.wall()), workers };
  }

  async renew(account: string, options: RenewNowOptions): Promise<RenewedToken | undefined> {
    // One worker is enough: the others are notified of the new token.
    for (const worker of this.#serving()) {
      const renewed = await worker.request({ kind: 'renew', account, options });
      if (renewed !== undefined) return renewed ?? undefined;
    }
    throw new TokenwardError('token_unavailable', { detail: 'no worker responds', retryAfter: 1 });
  }

  async accountNames(): Promise<readonly string[]> {
    const { state } = await this.#state(false);
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

  /** The merged state of the workers, and which of them did not respond. */
  async #state(counts: boolean, requested: readonly string[] = []): Promise<WorkerStates> {
    const silent = new Set<WorkerProcess>();
    const states = new Map<WorkerProcess, ProcessState>();
    await Promise.all(
      this.#running().map(async (worker) => {
        const wasUp = worker.state === 'up';
        const state = await worker.request({ kind: 'state', counts, asked: requested }).catch(() => undefined);
        // A leaving worker may have ended by now.
        if (state !== undefined) states.set(worker, state);
        else if (wasUp && worker.state === 'up') silent.add(worker);
      }),
    );
    return { state: { stopping: this.#pool.stopping, ...sumOfStates([...states.values()]) }, states, silent };
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
