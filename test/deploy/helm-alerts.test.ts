import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { alerts, pick, recordings, render, ruleGroups, type Alert, type Recording } from './chart.ts';
import { DASHBOARDS, FOLDER } from './dashboard.ts';

describe("the chart's PrometheusRule", () => {
  it('holds the very rules of deploy/prometheus/alerts.yaml', async function () {
    const { manifests } = await render(this, 'test/deploy/values/full.yaml');
    assert.deepEqual(pick(manifests, 'PrometheusRule').spec?.['groups'], ruleGroups());
  });

  it('puts the address of the runbooks in front, and takes an objective', async function () {
    const { manifests } = await render(
      this,
      'test/deploy/values/full.yaml',
      'prometheusRule.runbookBase="https://git.example.com/main/"',
      'prometheusRule.availabilityObjective=0.95',
    );
    const groups = pick(manifests, 'PrometheusRule').spec!['groups'] as { rules: (Alert | Recording)[] }[];
    const rules = groups.flatMap((group) => group.rules);
    const urls = rules.flatMap((rule) => ('alert' in rule ? [rule.annotations['runbook_url']!] : []));
    assert.deepEqual(
      urls,
      alerts().map(({ alert }) => `https://git.example.com/main/docs/runbooks/${alert}.md`),
    );
    const changed = rules
      .filter((rule) => 'record' in rule)
      .filter(({ record, expr }) => recordings().find((one) => one.record === record)!.expr !== expr);
    assert.deepEqual(changed, [{ record: 'tokenward:availability_objective:ratio', expr: 'vector(0.95)' }]);
  });

  it('is fed with the job name the rules ask for', async function () {
    const { manifests } = await render(this, 'test/deploy/values/full.yaml');
    const monitor = pick(manifests, 'ServiceMonitor').spec as {
      jobLabel: string;
      selector: { matchLabels: Record<string, string> };
    };
    const { labels } = pick(manifests, 'Service', 'tokenward-operator').metadata;
    assert.equal(labels?.[monitor.jobLabel], 'tokenward');
    for (const [label, value] of Object.entries(monitor.selector.matchLabels)) assert.equal(labels[label], value);
  });
});

describe("the chart's dashboards", () => {
  it('are those of deploy/grafana, a ConfigMap each, with the label that the sidecar looks for', async function () {
    const { manifests } = await render(this, 'test/deploy/values/full.yaml');
    const maps = manifests.filter(({ metadata }) => metadata.labels?.['grafana_dashboard'] === '1');
    const found = new Map(maps.flatMap(({ data }) => Object.entries(data!)));
    assert.equal(maps.length, DASHBOARDS.size);
    for (const name of DASHBOARDS.keys())
      assert.equal(found.get(name)?.trimEnd(), readFileSync(`${FOLDER}/${name}`, 'utf8').trimEnd(), name);
  });
});
