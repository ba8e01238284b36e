/** PromQL that the dashboards have in common, with Grafana's variables in it. */

/** Label matchers of what is chosen at the top of a dashboard. */
export const CHOSEN = {
  account: 'account=~"$account"',
  route: 'route=~"$route"',
} as const;

/** A metric of the chosen jobs, namespaces and instances. `matchers`: what else the series must have. */
export function of(metric: string, ...matchers: readonly string[]): string {
  return `${metric}{${['job=~"$job"', 'namespace=~"$namespace"', 'instance=~"$instance"', ...matchers].join(', ')}}`;
}

/** Events per second, by labels. */
export function rate(by: string, series: string): string {
  return `sum by (${by}) (rate(${series}[$__rate_interval]))`;
}

/** Number of events between two points of the graph, by labels. */
export function count(by: string, series: string): string {
  return `sum by (${by}) (increase(${series}[$__rate_interval]))`;
}

/** A share of requests, by labels; 0 where there were no requests. Both are rates by those labels. */
export function share(part: string, whole: string, by: string): string {
  return `${part}\n/ on (${by}) (${whole} > 0)\nor on (${by}) 0 * ${whole}`;
}

/** A quantile of a histogram, by labels. No value where there were no events: 0 would be a lie. */
export function quantile(q: number, by: string, metric: string, ...matchers: readonly string[]): string {
  return `histogram_quantile(${q}, sum by (le, ${by}) (rate(${of(`${metric}_bucket`, ...matchers)}[$__rate_interval])))`;
}

/** 0 where there is no series at all: what is not configured, or never happened, is 0 and not "No data". */
export function orZero(expression: string): string {
  return `${expression}\nor on () vector(0)`;
}
