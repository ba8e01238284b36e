import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { freshFolder } from '../support/files.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { dashboardQueries } from './dashboard.ts';
import { startPrometheus } from './prometheus.ts';

/** Queries that have no number after the tour, with the reason. */
const EMPTY: Readonly<Record<string, string>> = {
  'Logins left: {{account}} renewals': 'no account of the tour has a budget of renewals',
  'annotation Failed reloads': 'no reload fails in the tour',
  'Next try in: {{account}}': 'no renewal waits',
  'Certificates end in: {{name}}': 'the tour has no TLS',
};

/** What the tour provokes, so that these panels must show more than 0. */
const PROVOKED = [
  'Renewals by account, kind and outcome',
  'Responses that reject the token',
  'Replays',
  'Requests',
  'Time to renew (p95)',
  'Latency p95',
  'Logins in 24 h against the budget',
  'Routes of the account',
];

const SCRAPE_MS = 500;

describe('after the tour of the demo', function () {
  this.timeout(90_000);
  const folder = freshFolder();

  it('every panel of every dashboard has data in a real Prometheus', async function () {
    const program = requireTool(this, 'prometheus');
    requireBuild(this);
    const load = async <T>(file: string): Promise<T> =>
      (await import(pathToFileURL(resolve('dist/demo', file)).href)) as T;
    // As built: the stage starts the program beside it.
    const { setStage } = await load<typeof import('../../src/demo/stage.ts')>('stage.js');
    const { walkTour } = await load<typeof import('../../src/demo/tour.ts')>('tour.js');
    const stage = await setStage();
    try {
      const prometheus = await startPrometheus(program, folder(), stage.operatorUrl, SCRAPE_MS);
      try {
        await eventually(
          'it has scraped once',
          async () => (await prometheus.query('tokenward_build_info')).length > 0,
          20_000,
        );
        assert.equal(await walkTour(stage, () => undefined, SCRAPE_MS), 0);
        assert.deepEqual(await found(prometheus.query), []);
      } finally {
        await prometheus.stop();
      }
    } finally {
      await stage.close();
    }
  });
});

/** Queries without a number that should have one, and the other way round. */
async function found(query: (expression: string) => Promise<readonly { value: number }[]>): Promise<string[]> {
  const wrong: string[] = [];
  const used = new Set<string>();
  // As Grafana fills it in: the time range of the graphs is the tour's.
  for (const { where, expr } of dashboardQueries('1m')) {
    const name = where.slice(where.indexOf(', ') + 2);
    const values = (await query(expr)).map(({ value }) => value).filter((value) => !Number.isNaN(value));
    if (name in EMPTY) used.add(name);
    if ((values.length === 0) !== name in EMPTY) wrong.push(`${where}: ${values.length} numbers`);
    else if (PROVOKED.some((title) => name.startsWith(`${title}: `)) && !values.some((value) => value > 0))
      wrong.push(`${where}: only ${[...new Set(values)].join()}`);
  }
  return [...wrong, ...Object.keys(EMPTY).filter((name) => !used.has(name))];
}
