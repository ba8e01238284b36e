import type { RouteConfig } from '../config/schema.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock } from '../tokens/clock.ts';
import type { RenewNowOptions, TokenManager } from '../tokens/manager.ts';
import type { StoreHealth, StoreState } from '../tokens/store-health.ts';
import { describeAccounts } from './account-gauges.ts';
import { OPEN_METRICS, openMetricsText } from './open-metrics.ts';
import { readinessOf, withRequested, type Readiness, type ReadinessQuery } from './readiness.ts';
import { statusOf, type ProcessState, type StatusDocument } from './status-document.ts';
import type { MetricsJson, OperatorView, RenewedToken } from './view.ts';

interface LocalParts {
  readonly tokens: TokenManager;
  readonly health: StoreHealth;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly buffers: { readonly used: number };
  /** Tunnels of the forward proxy. Undefined: this is none. */
  readonly tunnels: { readonly size: number } | undefined;
  readonly spilledBytes: () => number;
  readonly lifecycle: { readonly stopping: boolean };
  readonly clock: Clock;
  readonly routes: readonly RouteConfig[];
}

/** The view of this process. */
export class LocalView implements OperatorView {
  readonly #parts: LocalParts;
  /** The last logged state of the store. */
  #storeWasUsable = true;

  constructor(parts: LocalParts) {
    this.#parts = parts;
  }

  /** `counts`: reads the counts of logins from the store first. `requested`: accounts to include in any case. */
  async state(counts: boolean, requested: readonly string[] = []): Promise<ProcessState> {
    const { tokens, metrics, lifecycle, routes } = this.#parts;
    if (counts) await tokens.refreshBudgets();
    return {
      stopping: lifecycle.stopping,
      store: await this.#storeState(),
      accountCount: tokens.count,
      unknown: requested.filter((account) => !tokens.has(account)),
      accounts: withRequested(
        tokens.status(),
        requested.map((account) => tokens.statusOf(account)),
      ),
      routes: routes.map(({ name, upstream, account, accountFrom }) => {
        const stats = metrics.route(name);
        return {
          prefix: name,
          upstream,
          account: account ?? (accountFrom && `by request (${accountFrom.flow})`),
          requests: stats.duration.count,
          inFlight: stats.inFlight,
        };
      }),
    };
  }

  async readiness(query: ReadinessQuery): Promise<Readiness | undefined> {
    const state = await this.state(false, query.accounts);
    return state.unknown.length > 0 ? undefined : readinessOf(state, query);
  }

  async metrics(open: boolean): Promise<{ contentType: string; text: string }> {
    const { tokens, metrics } = this.#parts;
    await tokens.refreshBudgets();
    describeAccounts(metrics, tokens.status());
    await this.#describeProcess();
    const { registry } = metrics;
    if (open) return { contentType: OPEN_METRICS, text: openMetricsText(await registry.getMetricsAsJSON()) };
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  /** The metrics of one worker. The primary adds the accounts' gauges, from what all workers know. */
  async metricsJson(): Promise<MetricsJson> {
    await this.#describeProcess();
    return this.#parts.metrics.registry.getMetricsAsJSON();
  }

  async status(): Promise<StatusDocument> {
    return statusOf(await this.state(true), this.#parts.clock.wall());
  }

  async renew(account: string, options: RenewNowOptions): Promise<RenewedToken | undefined> {
    const { tokens } = this.#parts;
    if (!tokens.has(account)) return undefined;
    const { generation, expiresAt } = await tokens.renewNow(account, options);
    return { generation, expiresAt };
  }

  async accountNames(): Promise<readonly string[]> {
    return this.#parts.tokens.status().map(({ account }) => account);
  }

  async #describeProcess(): Promise<void> {
    const { tokens, metrics, buffers, tunnels, spilledBytes } = this.#parts;
    metrics.storeUsable.set((await this.#storeState()).usable ? 1 : 0);
    metrics.bufferedBytes.set(buffers.used);
    metrics.tunnelsOpen.set(tunnels?.size ?? 0);
    metrics.spilledBytes.set(spilledBytes());
    metrics.accountsKnown.set(tokens.count.known);
    metrics.accountsInMemory.set(tokens.count.inMemory);
  }

  async #storeState(): Promise<StoreState> {
    const { health, lifecycle, log } = this.#parts;
    // A stopping process may have closed its store: its last check counts.
    const state = lifecycle.stopping ? health.state : await health.check();
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
