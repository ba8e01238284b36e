import { Histogram, type MetricValueWithName, type Registry } from 'prom-client';
import { Distribution, type Exemplar } from './distribution.ts';
import type { RouteStats } from './route-stats.ts';

/** The label `route` of routes beyond `maxRoutes`. */
const OTHER_ROUTES = '(others)';

interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly of: (stats: RouteStats) => Distribution;
  /** Routes with series of their own; all further ones share one. Default: all have. */
  readonly maxRoutes?: number;
}

/** A histogram over the numbers of RouteStats. */
export class RouteHistogram extends Histogram<'route'> {
  readonly #routes: ReadonlyMap<string, RouteStats>;
  readonly #options: HistogramOptions;

  constructor(
    routes: ReadonlyMap<string, RouteStats>,
    buckets: readonly number[],
    options: HistogramOptions,
    registry: Registry,
  ) {
    const { name, help } = options;
    super({ name, help, labelNames: ['route'], buckets: [...buckets], registers: [registry] });
    this.#routes = routes;
    this.#options = options;
  }

  /** Source of the registry's JSON, which workers send to their primary. */
  override async get(): ReturnType<Histogram<'route'>['get']> {
    // The types say that a metric in JSON has `collect`; none has.
    return (await this.getForPromString()) as unknown as Awaited<ReturnType<Histogram<'route'>['get']>>;
  }

  /** Source of the registry's text. Missing in prom-client's types. */
  async getForPromString(): Promise<{
    name: string;
    help: string;
    type: 'histogram';
    aggregator: 'sum';
    values: MetricValueWithName<'route'>[];
  }> {
    const { name, help } = this.#options;
    const values: MetricValueWithName<'route'>[] = [];
    for (const [route, distribution] of this.#distributions()) describe(values, name, route, distribution);
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }

  *#distributions(): Generator<[string, Distribution]> {
    const { of, maxRoutes = Infinity } = this.#options;
    let others: Distribution | undefined;
    let shown = 0;
    for (const [route, stats] of this.#routes) {
      const distribution = of(stats);
      if (shown < maxRoutes) {
        shown += 1;
        yield [route, distribution];
        continue;
      }
      others ??= new Distribution(distribution.bounds);
      others.merge(distribution);
    }
    if (others !== undefined) yield [OTHER_ROUTES, others];
  }
}

/** An exemplar in prom-client's form. Its labels have at most 128 characters, as OpenMetrics has it. */
function shown({ requestId, traceId, seconds, at }: Exemplar): BucketExemplar {
  const labelSet = { request_id: requestId, ...(traceId !== undefined && { trace_id: traceId }) };
  return { labelSet, value: seconds, timestamp: at / 1000 };
}

/** What a bucket may have besides its value; missing in prom-client's types. */
export interface BucketExemplar {
  readonly labelSet: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds. */
  readonly timestamp: number;
}

function describe(
  values: MetricValueWithName<'route'>[],
  name: string,
  route: string,
  { bounds, counts, exemplars, sum, count }: Distribution,
): void {
  let below = 0;
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    below += counts[bucket]!;
    const labels = { route, le: bounds[bucket] ?? '+Inf' } as MetricValueWithName<'route'>['labels'];
    const kept = exemplars[bucket];
    const value = { labels, value: below, metricName: `${name}_bucket` };
    values.push(kept === undefined ? value : Object.assign(value, { exemplar: shown(kept) }));
  }
  values.push(
    { labels: { route }, value: sum, metricName: `${name}_sum` },
    { labels: { route }, value: count, metricName: `${name}_count` },
  );
}
