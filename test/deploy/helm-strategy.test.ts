import assert from 'node:assert/strict';
import { pick, podTemplate, render, type Manifest } from './chart.ts';

describe('how the chart replaces pods', () => {
  const strategy = (manifests: readonly Manifest[]): unknown =>
    (pick(manifests, 'Deployment').spec!['strategy'] as { type: string }).type;

  it('stops the old one first over the embedded store', async function () {
    const { manifests } = await render(this);
    assert.equal(strategy(manifests), 'Recreate');
    assert.deepEqual(
      podTemplate(manifests).spec.volumes?.find(({ name }) => name === 'data'),
      { name: 'data', persistentVolumeClaim: { claimName: 'tokenward-data' } },
    );
    pick(manifests, 'PersistentVolumeClaim', 'tokenward-data');
  });

  it('keeps that without a volume of its own', async function () {
    const { manifests } = await render(this, 'test/deploy/values/ephemeral.yaml');
    assert.equal(strategy(manifests), 'Recreate');
    assert.deepEqual(
      manifests.filter(({ kind }) => kind === 'PersistentVolumeClaim'),
      [],
    );
    assert.ok(podTemplate(manifests).spec.volumes?.find(({ name }) => name === 'data')?.['emptyDir']);
  });

  it('rolls over redis, and needs no volume', async function () {
    const { manifests } = await render(this, 'test/deploy/values/redis.yaml');
    assert.equal(strategy(manifests), 'RollingUpdate');
    assert.equal(pick(manifests, 'Deployment').spec!['replicas'], 3);
    assert.equal(
      podTemplate(manifests).spec.volumes?.find(({ name }) => name === 'data'),
      undefined,
    );
  });
});
