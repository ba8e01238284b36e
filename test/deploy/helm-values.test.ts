import assert from 'node:assert/strict';
import { nameOf, pick, podTemplate, render, VALUE_FILES, type Manifest } from './chart.ts';

const EVERYTHING = 'helm/tokenward/ci/everything-values.yaml';

type Tree = Readonly<Record<string, never>>;

describe("the chart's values", () => {
  const container = (manifests: readonly Manifest[]): Tree =>
    podTemplate(manifests).spec.containers[0] as unknown as Tree;
  const spec = (manifests: readonly Manifest[]): Tree => podTemplate(manifests).spec as unknown as Tree;

  for (const values of VALUE_FILES)
    it(`leave no key twice, and a namespace everywhere, with ${nameOf(values)}`, async function () {
      // The parser refuses a key that is there twice.
      for (const { kind, metadata } of (await render(this, values)).manifests)
        assert.ok(metadata.namespace, `${kind} ${metadata.name}`);
    });

  it('add what a team brings of its own', async function () {
    const { manifests } = await render(this, EVERYTHING);
    const pod = spec(manifests) as unknown as Record<string, unknown> & {
      initContainers: { name: string; image: string }[];
      containers: { name: string }[];
      volumes: { name: string }[];
    };
    assert.deepEqual(
      pod.containers.map(({ name }) => name),
      ['tokenward', 'beside'],
    );
    assert.deepEqual(
      pod.initContainers.map(({ name, image }) => [name, image]),
      [['wait', (container(manifests) as unknown as { image: string }).image]],
      'a template',
    );
    assert.deepEqual(
      pod.volumes.map(({ name }) => name),
      ['config', 'secrets', 'secrets-1', 'accounts', 'tls', 'data', 'corporate-ca', 'vault'],
    );
    const mounted = (container(manifests) as unknown as { volumeMounts: { name: string }[] }).volumeMounts;
    assert.deepEqual(
      mounted.map(({ name }) => name),
      pod.volumes.map(({ name }) => name),
    );
    for (const key of ['runtimeClassName', 'schedulerName', 'dnsPolicy', 'priorityClassName', 'serviceAccountName'])
      assert.equal(typeof pod[key], 'string', key);
    for (const key of ['hostAliases', 'tolerations', 'topologySpreadConstraints'])
      assert.equal((pod[key] as unknown[]).length, 1, key);
    const note = pick(manifests, 'ConfigMap', 'tokenward-gate-note');
    assert.equal(note.metadata.namespace, 'egress');
  });

  it('put labels and annotations on every object, and never take those by which Services find pods', async function () {
    const { manifests } = await render(this, EVERYTHING);
    const own = manifests.filter(({ metadata }) => !metadata.name.endsWith('-note'));
    for (const { kind, metadata } of own) {
      assert.equal(metadata.labels?.['team'], 'platform', `${kind} ${metadata.name}`);
      assert.equal(metadata.annotations?.['example.com/owner'], 'platform', `${kind} ${metadata.name}`);
    }
    const { labels, annotations } = podTemplate(manifests).metadata;
    assert.equal(labels['team'], 'platform');
    assert.equal(labels['tier'], 'egress');
    assert.equal(labels['app.kubernetes.io/name'], 'gate', "podLabels must not replace the chart's own");
    assert.match(annotations['checksum/config']!, /^[0-9a-f]{64}$/, 'nor podAnnotations');
  });

  it('name the image as other charts do', async function () {
    const image = async (...settings: string[]): Promise<unknown> =>
      (container((await render(this, undefined, ...settings)).manifests) as unknown as { image: string }).image;
    assert.equal(await image('image.registry="r.example:5000/team"'), 'r.example:5000/team/tokenward:0.1.0');
    assert.equal(
      await image('image.registry="r.example"', 'global.imageRegistry="mirror.example"', 'image.tag="9"'),
      'mirror.example/tokenward:9',
    );
    const { manifests } = await render(
      this,
      undefined,
      'global.imagePullSecrets=["a"]',
      'imagePullSecrets=["b",{"name":"a"}]',
    );
    assert.deepEqual((spec(manifests) as unknown as { imagePullSecrets: unknown }).imagePullSecrets, [
      { name: 'a' },
      { name: 'b' },
    ]);
  });

  it('leave the number of pods to an autoscaler', async function () {
    const replicas = async (values: string | undefined, ...settings: string[]): Promise<unknown> =>
      pick((await render(this, values, ...settings)).manifests, 'Deployment').spec!['replicas'];
    assert.equal(await replicas('helm/tokenward/ci/redis-values.yaml'), undefined);
    assert.equal(await replicas(undefined, 'replicas=null'), undefined);
    assert.equal(await replicas(undefined, 'replicas=0'), 0);
    const { manifests } = await render(this, 'helm/tokenward/ci/redis-values.yaml');
    const scaler = pick(manifests, 'HorizontalPodAutoscaler').spec as unknown as {
      scaleTargetRef: { name: string };
      metrics: unknown[];
    };
    assert.equal(scaler.scaleTargetRef.name, pick(manifests, 'Deployment').metadata.name);
    assert.equal(scaler.metrics.length, 1);
  });

  it("choose a storage class by everybody's convention", async function () {
    const chosen = async (...settings: string[]): Promise<unknown> =>
      pick((await render(this, undefined, ...settings)).manifests, 'PersistentVolumeClaim').spec!['storageClassName'];
    assert.equal(await chosen(), undefined);
    assert.equal(await chosen('persistence.storageClass="-"'), '');
    assert.equal(await chosen('global.storageClass="fast"'), 'fast');
    assert.equal(await chosen('global.storageClass="fast"', 'persistence.storageClass="slow"'), 'slow');
  });

  it('quote names that look like numbers', async function () {
    const { text } = await render(
      this,
      undefined,
      'secretFiles=[{"existingSecret":"1234"}]',
      'existingSecret="5678"',
      'existingConfigMap="9"',
      'persistence.existingClaim="10"',
      'serviceAccount.name="11"',
    );
    for (const name of ['1234', '5678', '9', '10', '11']) assert.match(text, new RegExp(`: "${name}"`));
  });

  it('make one service account, or use one, or none', async function () {
    const account = async (...settings: string[]): Promise<unknown> => {
      const { manifests } = await render(this, undefined, ...settings);
      return [
        manifests.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name),
        (spec(manifests) as unknown as { serviceAccountName?: string }).serviceAccountName,
      ];
    };
    assert.deepEqual(await account(), [['tokenward'], 'tokenward']);
    assert.deepEqual(await account('serviceAccount.name="mine"'), [['mine'], 'mine']);
    assert.deepEqual(await account('serviceAccount={"create":false,"name":"mine"}'), [[], 'mine']);
    assert.deepEqual(await account('serviceAccount.create=false'), [[], undefined]);
  });

  it('serve HTTPS, and say so', async function () {
    const { manifests } = await render(this, 'helm/tokenward/ci/load-balancer-values.yaml');
    const { ports, loadBalancerSourceRanges } = pick(manifests, 'Service', 'tokenward').spec as {
      ports: { port: number; appProtocol: string }[];
      loadBalancerSourceRanges: string[];
    };
    assert.deepEqual([ports[0]!.port, ports[0]!.appProtocol], [443, 'https']);
    assert.deepEqual(loadBalancerSourceRanges, ['192.0.2.0/24']);
    const operator = pick(manifests, 'Service', 'tokenward-operator').spec as { type: string };
    assert.equal(operator.type, 'ClusterIP');
  });

  it('let nobody act on the operator port unless they say who', async function () {
    const operator = async (...settings: string[]): Promise<string> => {
      const { text } = await render(this, undefined, ...settings);
      return /\n {4}operator:\n((?: {6}.*\n)+)/.exec(text)?.[1] ?? '';
    };
    assert.match(await operator(), /key: sha256:0{64}\n/);
    const own = `sha256:${'1'.repeat(64)}`;
    const withKey = await operator(`config.operator.key="${own}"`, 'config.operator.allowAnonymous=true');
    assert.match(withKey, new RegExp(own));
    assert.doesNotMatch(withKey, /allowAnonymous/);
    assert.doesNotMatch(await operator('config.operator.allowAnonymous=true'), /key:/);
  });

  it('find the job of the alert rules whatever the chart is called', async function () {
    const { manifests } = await render(this, EVERYTHING);
    const [endpoint] = (pick(manifests, 'ServiceMonitor').spec as { endpoints: { relabelings: unknown[] }[] })
      .endpoints;
    assert.deepEqual(endpoint!.relabelings[0], { targetLabel: 'job', replacement: 'tokenward' });
    assert.equal(endpoint!.relabelings.length, 2);
  });
});
