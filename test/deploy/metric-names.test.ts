import assert from 'node:assert/strict';
import { Metrics } from '../../src/metrics.ts';
import { alerts, recordings } from './chart.ts';
import { dashboardQueries } from './dashboard.ts';
import { metricsIn } from './promql.ts';

/** Every expression of the dashboards and of the rules. */
function expressions(): readonly { where: string; expr: string }[] {
  return [
    ...dashboardQueries(),
    ...alerts().map(({ alert, expr }) => ({ where: `alert ${alert}`, expr })),
    ...recordings().map(({ record, expr }) => ({ where: `recording ${record}`, expr })),
  ];
}

describe('dashboards and rules', () => {
  it('name no metric that does not exist', async () => {
    const series = await seriesNames();
    const unknown = expressions().flatMap(({ where, expr }) =>
      metricsIn(expr)
        .filter((name) => !series.has(name))
        .map((name) => `${where}: ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it("show every metric of tokenward's own", async () => {
    const asked = new Set(expressions().flatMap(({ expr }) => metricsIn(expr).map(base)));
    const own = (await registered()).map(({ name }) => name).filter((name) => name.startsWith('tokenward_'));
    assert.deepEqual(
      own.filter((name) => !asked.has(name)),
      [],
    );
  });

  it('are read by a parser that misses nothing', () => {
    const expression =
      'histogram_quantile(0.95, sum by (le, route) (rate(a_bucket{x="b{c}", y=~"d"}[5m] offset 1h))) / on (e) group_left (f) (max without (g) (h) > bool 1e3) unless time() - i{j!="k"} and l or absent(up{m="n"})';
    assert.deepEqual(metricsIn(expression), ['a_bucket', 'h', 'i', 'l', 'up']);
  });
});

/** All metrics the program registers, prom-client's own included, with their types. */
async function registered(): Promise<readonly { name: string; type: string }[]> {
  return (await new Metrics('test').registry.getMetricsAsJSON()).map(({ name, type }) => ({
    name,
    type: String(type),
  }));
}

/** A histogram's name without the suffix of its series. */
function base(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}

/**
 * What a scrape returns: a histogram only under its three suffixes. `up` and `ALERTS` are Prometheus' own, others come
 * from recording rules.
 */
async function seriesNames(): Promise<ReadonlySet<string>> {
  return new Set([
    'up',
    'ALERTS',
    ...recordings().map(({ record }) => record),
    ...(await registered()).flatMap(({ name, type }) =>
      type === 'histogram' ? ['bucket', 'sum', 'count'].map((suffix) => `${name}_${suffix}`) : [name],
    ),
  ]);
}
