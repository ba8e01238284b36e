import assert from 'node:assert/strict';
import { ruleGroups, pick, render } from './chart.ts';

describe("the chart's PrometheusRule", () => {
  it('holds the very rules of deploy/prometheus/alerts.yaml', async function () {
    const { manifests } = await render(this, 'test/deploy/values/full.yaml');
    assert.deepEqual(pick(manifests, 'PrometheusRule').spec?.['groups'], ruleGroups());
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
