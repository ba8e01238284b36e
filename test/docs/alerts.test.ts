import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { alerts, recordings } from '../deploy/chart.ts';

const PAGE = readFileSync('docs/alerts.md', 'utf8');
const ROWS = [...PAGE.matchAll(/^\| \[`(\w+)`\]\(runbooks\/(\w+)\.md\) \| (\w+) \| (.+) \|$/gm)].map(
  ([, alert, runbook, severity, symptom]) => ({ alert, runbook, severity, symptom: symptom! }),
);

describe('docs/alerts.md', () => {
  it('lists every alert with its severity and its runbook, and none that there is not', () => {
    assert.deepEqual(
      ROWS.map(({ alert, runbook, severity }) => ({ alert, runbook, severity })),
      alerts().map(({ alert, labels }) => ({ alert, runbook: alert, severity: labels['severity'] })),
    );
  });

  it('says the symptom of each as its runbook does', () => {
    for (const { alert, symptom } of ROWS)
      assert.ok(readFileSync(`docs/runbooks/${alert!}.md`, 'utf8').includes(symptom.replace(/\.$/, '')), alert);
  });

  it('names the recording rules whose numbers are to be changed, with their numbers', () => {
    const rows = [...PAGE.matchAll(/^\| `(tokenward:[\w:]+)` \| ([\d.]+) \|/gm)];
    assert.deepEqual(
      rows.map(([, record, number]) => ({ record, expr: `vector(${number!})` })),
      recordings().filter(({ expr }) => expr.startsWith('vector(')),
    );
  });
});
