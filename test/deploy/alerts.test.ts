import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { requireTool } from '../support/tools.ts';
import { alerts } from './chart.ts';

const run = promisify(execFile);
const ALERTS = alerts();

describe('the alert rules', () => {
  it('are valid, and so is the scrape example', async function () {
    const promtool = requireTool(this, 'promtool');
    await run(promtool, ['check', 'rules', 'deploy/prometheus/alerts.yaml']);
    await run(promtool, ['check', 'config', 'deploy/prometheus/prometheus.yaml']);
  });

  it('fire when they should, and only then', async function () {
    const promtool = requireTool(this, 'promtool');
    await run(promtool, ['test', 'rules', 'deploy/prometheus/alerts.test.yaml']);
  });

  it('are all covered by those tests', () => {
    const tests = readFileSync('deploy/prometheus/alerts.test.yaml', 'utf8');
    const named = ALERTS.map(({ alert }) => alert).filter((alert) => !tests.includes(alert));
    assert.deepEqual(named, []);
  });

  for (const { alert, labels, annotations } of ALERTS) {
    it(`${alert} says how bad it is, what it means and what to do`, () => {
      assert.match(labels['severity'] ?? '', /^(critical|warning)$/);
      for (const name of ['summary', 'description', 'action']) assert.ok((annotations[name] ?? '').length > 10, name);
    });
  }
});
