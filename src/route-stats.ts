import { Histogram, type MetricValueWithName, type Registry } from 'prom-client';

/** From a cached response on the same host to the slowest allowed one. Seconds. */
export const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;

/**
 * One route's counts as plain numbers, converted to prom-client's form only when /metrics is read: hashing labels on
 * every request costs more than forwarding its headers.
 */
export class RouteStats {
  readonly #statuses = [0, 0, 0, 0];
  readonly #buckets = new Array<number>(BUCKETS.length + 1).fill(0);
  #sum = 0;
  #count = 0;
  inFlight = 0;
  /** Requests whose client left before there was a response; they are among the 4xx. */
  clientsLeft = 0;
  /** Responses that reject the token and were relayed: no renewal could help. */
  rejected = 0;
  /** Error responses that tokenward generated, by code. */
  readonly errors = new Map<string, number>();

  /** Counts one finished request. `status` 499: the client left before there was a response. */
  countFinished(status: number, seconds: number): void {
    if (status === 499) this.clientsLeft += 1;
    this.#statuses[Math.min(3, Math.max(0, Math.floor(status / 100) - 2))]! += 1;
    this.#sum += seconds;
    this.#count += 1;
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]!) bucket += 1;
    this.#buckets[bucket]! += 1;
  }

  /** Counts one error response of our own. */
  countError(code: string): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  statuses(): readonly (readonly [string, number])[] {
    return STATUS_CLASSES.map((name, index) => [name, this.#statuses[index]!] as const);
  }

  histogram(): { buckets: readonly number[]; sum: number; count: number } {
    return { buckets: this.#buckets, sum: this.#sum, count: this.#count };
  }
}

/** A histogram over the numbers of RouteStats. */
export class RouteHistogram extends Histogram<'route'> {
  readonly #routes: ReadonlyMap<string, RouteStats>;
  readonly #description: { readonly name: string; readonly help: string };

  constructor(routes: ReadonlyMap<string, RouteStats>, name: string, help: string, registry: Registry) {
    super({ name, help, labelNames: ['route'], buckets: BUCKETS, registers: [registry] });
    this.#routes = routes;
    this.#description = { name, help };
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
    const { name } = this.#description;
    const values: MetricValueWithName<'route'>[] = [];
    for (const [route, stats] of this.#routes) {
      const { buckets, sum, count } = stats.histogram();
      let below = 0;
      [...BUCKETS, '+Inf'].forEach((le, index) => {
        below += buckets[index]!;
        values.push({
          labels: { route, le } as MetricValueWithName<'route'>['labels'],
          value: below,
          metricName: `${name}_bucket`,
        });
      });
      values.push(
        { labels: { route }, value: sum, metricName: `${name}_sum` },
        { labels: { route }, value: count, metricName: `${name}_count` },
      );
    }
    return { ...this.#description, type: 'histogram', aggregator: 'sum', values };
  }
}
