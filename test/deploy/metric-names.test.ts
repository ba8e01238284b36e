import assert from 'node:assert/strict';
import { Metrics } from '../../src/metrics.ts';
import { alerts, recordings } from './chart.ts';
import { dashboardQueries } from './dashboard.ts';
import { metricsIn } from './promql.ts';

/**
 * Metrics that panels and rules ask for and that the program does not have yet. A panel of such a metric is empty, a
 * rule never fires. A name that the program has must not be here.
 */
const NOT_YET = [
  'tokenward_access_lines_dropped_total',
  'tokenward_certificate_expiry_timestamp_seconds',
  'tokenward_config_info',
  'tokenward_config_last_reload_success_timestamp_seconds',
  'tokenward_next_try_timestamp_seconds',
  'tokenward_overhead_seconds',
  'tokenward_refresh_token_expiry_timestamp_seconds',
  'tokenward_store_duration_seconds',
  'tokenward_upstream_connections',
  'tokenward_upstream_duration_seconds',
  'tokenward_upstream_first_byte_seconds',
];

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
        .filter((name) => !series.has(name) && !NOT_YET.includes(base(name)))
        .map((name) => `${where}: ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('name as missing only what is missing', async () => {
    const names = (await registered()).map(({ name }) => name);
    const asked = new Set(expressions().flatMap(({ expr }) => metricsIn(expr).map(base)));
    assert.deepEqual(
      NOT_YET.filter((name) => names.includes(name) || !asked.has(name)),
      [],
      'the program has these now, or nothing asks for them: delete them from NOT_YET',
    );
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
