import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { ERROR_CODES, TokenwardError, type ErrorCode } from '../../src/errors.ts';
import { requireTool } from '../support/tools.ts';
import { alerts, recordings } from './chart.ts';

const run = promisify(execFile);
const ALERTS = alerts();
const UNIT_TESTS = ['deploy/prometheus/alerts.test.yaml', 'deploy/prometheus/alerts.slow.test.yaml'];

/** Codes of 5xx that are not tokenward's failure: the upstream's, the client's, or a loop that the operator built. */
const NOT_OURS: readonly ErrorCode[] = [
  'upstream_unreachable',
  'upstream_broken',
  'upstream_timeout',
  'upstream_not_allowed',
  'upgrade_refused',
  'loop_detected',
];

describe('the alert rules', () => {
  it('are valid, and so is the scrape example', async function () {
    const promtool = requireTool(this, 'promtool');
    await run(promtool, ['check', 'rules', 'deploy/prometheus/alerts.yaml']);
    await run(promtool, ['check', 'config', 'deploy/prometheus/prometheus.yaml']);
  });

  it('fire when they should, and only then', async function () {
    const promtool = requireTool(this, 'promtool');
    await run(promtool, ['test', 'rules', ...UNIT_TESTS]);
  });

  it('are all covered by those tests', () => {
    const tests = UNIT_TESTS.map((file) => readFileSync(file, 'utf8')).join();
    const named = ALERTS.map(({ alert }) => alert).filter((alert) => !tests.includes(alert));
    assert.deepEqual(named, []);
  });

  it('count every 5xx of tokenward as its failure, or say why not', () => {
    const own = ERROR_CODES.filter((code) => new TokenwardError(code).status >= 500 && !NOT_OURS.includes(code)).sort();
    const recorded = recordings().filter(({ record }) => record.startsWith('route:tokenward_failures:'));
    assert.equal(recorded.length, 5);
    for (const { record, expr } of recorded)
      assert.deepEqual(/reason=~"([^"]+)"/.exec(expr)![1]!.split('|').sort(), own, record);
  });

  for (const { alert, labels, annotations } of ALERTS) {
    it(`${alert} says how bad it is, what it means and what to do`, () => {
      assert.match(labels['severity'] ?? '', /^(critical|warning)$/);
      for (const name of ['summary', 'description', 'action']) assert.ok((annotations[name] ?? '').length > 10, name);
    });
  }
});
