import type { Registry } from 'prom-client';
import type { RouteConfig } from '../config/schema.ts';
import type { Metrics } from '../metrics.ts';
import type { Clock } from '../tokens/clock.ts';
import type { TokenManager } from '../tokens/manager.ts';
import type { CredentialStatus } from '../tokens/status.ts';
import type { TokenStore } from '../tokens/store.ts';
import { VERSION } from '../version.ts';

/** Something that keeps tokenward from its work, for people. */
export interface Problem {
  readonly account?: string;
  readonly problem: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly problems: readonly Problem[];
}

/** One worker process as /status shows it. */
export interface WorkerStatus {
  readonly worker: number;
  readonly pid: number | undefined;
  /** silent: it does not answer. */
  readonly state: 'starting' | 'up' | 'silent' | 'leaving';
  /** Finished ones; undefined if it did not answer. */
  readonly requests: number | undefined;
}

/** What /status answers, and `tokenward status` reads. */
export interface StatusDocument {
  readonly version: string;
  readonly node: string;
  /** Wall clock, ms. */
  readonly now: number;
  readonly stopping: boolean;
  /** Missing where one process does everything. */
  readonly workers?: readonly WorkerStatus[];
  /** The accounts of the configuration, and of the others some hundred that are in use. */
  readonly accounts: readonly CredentialStatus[];
  /** How many accounts there are, and of how many some process holds the state in memory. */
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly routes: readonly RouteState[];
}

export interface RouteState {
  readonly prefix: string;
  readonly upstream: string;
  readonly account: string | undefined;
  readonly requests: number;
  readonly inFlight: number;
}

/** A token as an operator hears of it after renewing it. */
export interface RenewedToken {
  readonly generation: number;
  readonly expiresAt: number | undefined;
}

/** What the operator port shows and does, whether one process stands behind it or several. */
export interface OperatorView {
  readiness(): Promise<Readiness>;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  status(): Promise<StatusDocument>;
  /** Undefined: there is no such account. Rejects with a TokenwardError if it got no token. */
  renew(account: string, useReserve: boolean): Promise<RenewedToken | undefined>;
}

/** What one process knows of itself. Several of these can be merged into one. */
export interface ProcessState {
  readonly stopping: boolean;
  readonly storeUsable: boolean;
  readonly accounts: readonly CredentialStatus[];
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly routes: readonly RouteState[];
}

/** All metrics of one process in prom-client's JSON form, which can be sent and summed. */
export type MetricsJson = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export interface LocalParts {
  readonly tokens: TokenManager;
  readonly store: TokenStore;
  readonly metrics: Metrics;
  readonly buffers: { readonly used: number };
  readonly life: { readonly stopping: boolean };
  readonly clock: Clock;
  readonly routes: readonly RouteConfig[];
}

/** The view of this very process. */
export class LocalView implements OperatorView {
  readonly #parts: LocalParts;

  constructor(parts: LocalParts) {
    this.#parts = parts;
  }

  /** `counts`: with the counts of logins as they are in the store now, which takes a while if that is far away. */
  async state(counts: boolean): Promise<ProcessState> {
    const { tokens, store, metrics, life, routes } = this.#parts;
    if (counts) await tokens.refreshBudgets();
    const storeUsable = await store.check().then(() => true, () => false);
    return {
      stopping: life.stopping, storeUsable, accounts: tokens.status(), accountCount: tokens.count,
      routes: routes.map(({ prefix, upstream, account, accountFrom }) => {
        const stats = metrics.route(prefix);
        return { prefix, upstream, account: account ?? (accountFrom && `by request (${accountFrom.flow})`), requests: stats.histogram().count, inFlight: stats.inFlight };
      }),
    };
  }

  async readiness(): Promise<Readiness> {
    return readinessOf(await this.state(false), this.#parts.clock.wall());
  }

  async metrics(): Promise<{ contentType: string; text: string }> {
    const { registry } = await this.#currentMetrics();
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  async metricsJson(): Promise<MetricsJson> {
    return (await this.#currentMetrics()).registry.getMetricsAsJSON();
  }

  async status(): Promise<StatusDocument> {
    return statusOf(await this.state(true), this.#parts.clock.wall());
  }

  async renew(account: string, useReserve: boolean): Promise<RenewedToken | undefined> {
    const { tokens } = this.#parts;
    if (!tokens.has(account)) return undefined;
    const { generation, expiresAt } = await tokens.renewNow(account, { useReserve });
    return { generation, expiresAt };
  }

  async #currentMetrics(): Promise<Metrics> {
    const { tokens, metrics, buffers } = this.#parts;
    await tokens.refreshBudgets();
    describeCredentials(metrics, tokens.status());
    metrics.bufferedBytes.set(buffers.used);
    metrics.accountsKnown.set(tokens.count.known);
    metrics.accountsInMemory.set(tokens.count.inMemory);
    return metrics;
  }
}

/** Problems of accounts that are told of. */
const PROBLEMS_MOST = 50;

/** Whether requests may be sent here, and what is wrong. */
export function readinessOf({ storeUsable, accounts, stopping }: ProcessState, now: number): Readiness {
  const unable = accounts.filter((account) => !account.ready || (!storeUsable && !holdsToken(account, now)));
  const problems: Problem[] = unable.slice(0, PROBLEMS_MOST).map(({ account, problem }) => ({ account, problem: problem ?? 'has no usable token' }));
  if (unable.length > PROBLEMS_MOST) problems.push({ problem: `${unable.length - PROBLEMS_MOST} more accounts are in trouble` });
  // Accounts from elsewhere may be a hundred thousand: some of them are always in trouble, and the others are to be served.
  const ready = !stopping && !unable.some(({ named }) => named);
  if (stopping) problems.push({ problem: 'shutting down' });
  // Living tokens go on serving without the store: saying "not ready" then would turn its outage into ours.
  if (!storeUsable) problems.push({ problem: 'the token store cannot be used: living tokens go on serving, nothing is renewed' });
  return { ready, problems };
}

export function statusOf({ stopping, accounts, accountCount, routes }: ProcessState, now: number): StatusDocument {
  return { version: VERSION, node: process.version, now, stopping, accounts, accountCount, routes };
}

function holdsToken({ generation, expiresAt }: CredentialStatus, now: number): boolean {
  return generation > 0 && (expiresAt === undefined || expiresAt > now);
}

/** The credentials' state as gauges, written when somebody asks. */
function describeCredentials(metrics: Metrics, accounts: readonly CredentialStatus[]): void {
  // Accounts come and go from memory: what stands there is what is there now.
  for (const gauge of [metrics.generation, metrics.obtained, metrics.expiry, metrics.dead, metrics.ready, metrics.waiting, metrics.budgetRemaining, metrics.budgetLimit]) gauge.reset();
  for (const status of accounts) {
    const account = metrics.accountLabel(status.account);
    if (account !== status.account) continue;
    const labels = { account, flow: status.flow };
    metrics.generation.set(labels, status.generation);
    if (status.obtainedAt !== undefined) metrics.obtained.set(labels, status.obtainedAt / 1000);
    if (status.expiresAt !== undefined) metrics.expiry.set(labels, status.expiresAt / 1000);
    metrics.dead.set(labels, status.dead ? 1 : 0);
    metrics.ready.set(labels, status.ready ? 1 : 0);
    metrics.waiting.set({ account }, status.waiting);
    if (status.budget !== undefined) {
      metrics.budgetRemaining.set(labels, status.budget.remaining);
      metrics.budgetLimit.set(labels, status.budget.limit);
    }
  }
}
