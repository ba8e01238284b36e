import { AggregatorRegistry, type PrometheusContentType, type Registry } from 'prom-client';
import { sumOfMinutes } from '../operator/minutes.ts';
import type { Sample } from '../operator/open-metrics.ts';
import type { AccountStatus, CallerState, ProcessRoute, ProcessState } from '../operator/status-document.ts';
import type { MetricsJson } from '../operator/view.ts';
import { sumOfRefusedCalls } from '../refused-calls.ts';
import { ACCOUNT_STATUS_NAMES, cannotServe } from '../tokens/status.ts';
import type { StoreState } from '../tokens/store-health.ts';

/**
 * The metrics of all workers as one. Counts of workers that have ended stay in the sums: Prometheus would take a
 * counter that falls with each replaced worker for a restart, and count the rest of it twice.
 */
export class MetricsSum {
  #ended: MetricsJson = [];

  /** Adds the counts of a worker that has ended. */
  addEnded(counted: MetricsJson): void {
    // An enum by its types, text at runtime.
    const counts = counted.filter(({ type }) => ['counter', 'histogram'].includes(String(type)));
    const sums = aggregate([this.#ended, counts]).getMetricsAsArray() as unknown as (MetricsJson[number] & Getter)[];
    // prom-client's `get` keeps the metrics that were added up, and so those of every worker before it: 40 KB for each.
    this.#ended = sums.map(({ get: _, ...plain }) => plain);
  }

  aggregate(processes: readonly MetricsJson[]): Registry {
    return aggregate([...processes, this.#ended]);
  }
}

/** What prom-client adds to the metrics that it has aggregated. */
interface Getter {
  readonly get?: unknown;
}

function aggregate(metrics: readonly MetricsJson[]): Registry {
  return AggregatorRegistry.aggregate<PrometheusContentType>([...metrics]);
}

/** The sums with the newest exemplar of each bucket, which prom-client drops. */
export function withExemplars(sums: MetricsJson, processes: readonly MetricsJson[]): MetricsJson {
  const newest = new Map<string, NonNullable<Sample['exemplar']>>();
  const keyOf = ({ metricName, labels }: Sample): string => `${metricName ?? ''} ${JSON.stringify(labels)}`;
  for (const metrics of processes)
    for (const { values } of metrics)
      for (const sample of values as readonly Sample[]) {
        const { exemplar } = sample;
        if (exemplar === undefined || exemplar === null) continue;
        const key = keyOf(sample);
        if (exemplar.timestamp > (newest.get(key)?.timestamp ?? 0)) newest.set(key, exemplar);
      }
  return sums.map((metric) => ({
    ...metric,
    values: (metric.values as readonly Sample[]).map((sample) => {
      const exemplar = newest.get(keyOf(sample));
      return exemplar === undefined ? sample : { ...sample, exemplar };
    }),
  }));
}

/** The states of several workers as one process's. */
export function sumOfStates(states: readonly ProcessState[]): Omit<ProcessState, 'stopping'> {
  const accounts = sumOfAccounts(states.map((state) => state.accounts));
  const routes = groups(
    states.flatMap((state) => state.routes),
    ({ prefix }) => prefix,
  ).map(oneRoute);
  const callers = groups(
    states.flatMap((state) => state.callers),
    ({ name }) => name,
  ).map(oneCaller);
  const refused = sumOfRefusedCalls(states.map((state) => state.refused));
  const config = states.find((state) => state.config !== undefined)?.config;
  const accountCount = {
    known: Math.max(0, ...states.map((state) => state.accountCount.known)),
    inMemory: Math.max(0, ...states.map((state) => state.accountCount.inMemory)),
  };
  // During a reload, some workers know an account and others do not.
  const unknown = [...new Set(states.flatMap((state) => state.unknown))].filter((account) =>
    states.every((state) => state.unknown.includes(account)),
  );
  return {
    store: oneStore(states.map(({ store }) => store)),
    unknown,
    accounts,
    accountCount,
    routes,
    callers,
    refused,
    revision: sum(states.map(({ revision }) => revision)),
    ...(config && { config }),
  };
}

/** The accounts that several workers know, each as one. */
export function sumOfAccounts(lists: readonly (readonly AccountStatus[])[]): AccountStatus[] {
  return groups(lists.flat(), ({ account }) => account).map(oneAccount);
}

/**
 * Each worker has its own connection to the store, and clients reach each worker: the store is usable if all can use
 * it.
 */
function oneStore(all: readonly StoreState[]): StoreState {
  const broken = all.filter(({ usable }) => !usable);
  const relevant = broken.length > 0 ? broken : all;
  return {
    usable: broken.length === 0,
    since: relevant.length === 0 ? 0 : Math.min(...relevant.map(({ since }) => since)),
    error: broken[0]?.error,
  };
}

/**
 * Workers share a store, so their states differ only for a moment: those with the newest token count, and of these the
 * worst. A worker that has not used the account yet does not count.
 */
function oneAccount(all: readonly AccountStatus[]): AccountStatus {
  const generation = Math.max(...all.map((one) => one.generation));
  const newest = all.filter((one) => one.generation === generation);
  const current = newest.some(({ state }) => state !== 'unused')
    ? newest.filter(({ state }) => state !== 'unused')
    : newest;
  const [worst] = [...current].sort(
    (a, b) => ACCOUNT_STATUS_NAMES.indexOf(a.state) - ACCOUNT_STATUS_NAMES.indexOf(b.state),
  );
  const budgets = all.flatMap(({ budget }) => (budget === undefined ? [] : [budget]));
  const renewalsLeft = groups(
    all.flatMap((one) => one.renewalsLeft ?? []),
    ({ per }) => String(per),
  ).map((left) => left.sort((a, b) => a.remaining - b.remaining)[0]!);
  const retries = current.flatMap(({ retryAt }) => retryAt ?? []);
  const since = current.flatMap((one) => (one.state === worst!.state ? (one.since ?? []) : []));
  const renewals = all.flatMap((one) => one.renewals ?? []).sort((a, b) => a.at - b.at);
  const refusals = current.flatMap(({ refusedAt }) => refusedAt ?? []);
  return {
    ...worst!,
    ready: !cannotServe(worst!.state),
    problem: worst!.problem ?? current.find(({ problem }) => problem !== undefined)?.problem,
    refusedAt: refusals.length === 0 ? undefined : Math.max(...refusals),
    dead: current.some(({ dead }) => dead),
    renewing: all.some(({ renewing }) => renewing),
    waiting: sum(all.map(({ waiting }) => waiting)),
    retryAt: retries.length === 0 ? undefined : Math.max(...retries),
    budget: budgets.sort((a, b) => a.remaining - b.remaining || a.reserveRemaining - b.reserveRemaining)[0],
    ...(renewalsLeft.length > 0 && { renewalsLeft }),
    ...(since.length > 0 && { since: Math.min(...since) }),
    ...(renewals.length > 0 && { renewals: renewals.slice(-MAX_RENEWALS) }),
  };
}

/** Renewals shown of an account: as many as one process shows. */
const MAX_RENEWALS = 20;

function oneCaller(all: readonly CallerState[]): CallerState {
  return {
    name: all[0]!.name,
    inFlight: sum(all.map(({ inFlight }) => inFlight)),
    admitted: sum(all.map(({ admitted }) => admitted)),
    refused: sum(all.map(({ refused }) => refused)),
    lately: {
      admitted: sum(all.map(({ lately }) => lately.admitted)),
      refused: sum(all.map(({ lately }) => lately.refused)),
    },
  };
}

/** An upstream that one worker cannot reach may be reached by another, whose connections are older: it counts. */
function oneRoute(all: readonly ProcessRoute[]): ProcessRoute {
  const outages = all.flatMap(({ outage }) => outage ?? []).sort((a, b) => a.since - b.since);
  const failedAt = Math.max(...outages.map((outage) => outage.failedAt));
  return {
    ...all[0]!,
    ...(outages[0] && { outage: { ...outages[0], failedAt } }),
    minutes: sumOfMinutes(all.map(({ minutes }) => minutes)),
    requests: sum(all.map(({ requests }) => requests)),
    inFlight: sum(all.map(({ inFlight }) => inFlight)),
  };
}

/** Groups items by key, in the order in which the keys first occur. */
function groups<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const found = new Map<string, T[]>();
  for (const item of items) {
    const group = found.get(keyOf(item));
    if (group === undefined) found.set(keyOf(item), [item]);
    else group.push(item);
  }
  return [...found.values()];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
