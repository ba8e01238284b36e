import assert from 'node:assert/strict';
import { nameOf, pick, podTemplate, render, VALUE_FILES } from './chart.ts';

describe('the chart renders', () => {
  for (const values of VALUE_FILES) {
    it(`a whole workload from ${nameOf(values)}`, async function () {
      const { manifests } = await render(this, values);
      const { metadata, spec } = podTemplate(manifests);
      const [container] = spec.containers;
      assert.ok(container);

      assert.deepEqual(container.args, ['serve', '-c', '/etc/tokenward/config/proxy.config.yaml']);
      assert.deepEqual(container.startupProbe?.httpGet, { path: '/healthz', port: 'operator' });
      assert.deepEqual(container.livenessProbe?.httpGet, { path: '/healthz', port: 'operator' });
      assert.deepEqual(container.readinessProbe?.httpGet, { path: '/readyz', port: 'operator' });

      const fullname = pick(manifests, 'Deployment').metadata.name;
      for (const [name, port] of [
        [fullname, 'proxy'],
        [`${fullname}-operator`, 'operator'],
      ] as const) {
        const service = pick(manifests, 'Service', name).spec as {
          selector: Record<string, string>;
          ports: { targetPort: string }[];
        };
        assert.deepEqual(
          service.ports.map(({ targetPort }) => targetPort),
          [port],
          `${name} must lead to one port only`,
        );
        for (const [label, value] of Object.entries(service.selector))
          assert.equal(metadata.labels[label], value, `${name} selects the pod by ${label}`);
        assert.ok(container.ports?.some((candidate) => candidate.name === port));
      }
    });
  }

  it('the readiness probe that the values ask for, and refuses one that tokenward does not understand', async function () {
    const probe = async (path: string): Promise<unknown> =>
      podTemplate((await render(this, undefined, `probes.readinessPath="${path}"`)).manifests).spec.containers[0]!
        .readinessProbe?.httpGet;
    assert.deepEqual(await probe('/readyz?store=optional'), { path: '/readyz?store=optional', port: 'operator' });
    await assert.rejects(probe('/ready'));
  });

  it('every optional part when it is asked for, and none otherwise', async function () {
    const optional = [
      'HorizontalPodAutoscaler',
      'PodDisruptionBudget',
      'PodMonitor',
      'PrometheusRule',
      'ServiceMonitor',
    ];
    const kinds = async (values?: string): Promise<string[]> =>
      [...new Set((await render(this, values)).manifests.map(({ kind }) => kind))]
        .filter((kind) => optional.includes(kind))
        .sort();
    assert.deepEqual(await kinds(), []);
    assert.deepEqual(await kinds('test/deploy/values/full.yaml'), [
      'PodDisruptionBudget',
      'PrometheusRule',
      'ServiceMonitor',
    ]);
    assert.deepEqual(await kinds('helm/tokenward/ci/redis-values.yaml'), [
      'HorizontalPodAutoscaler',
      'PodDisruptionBudget',
      'PodMonitor',
    ]);
  });
});
