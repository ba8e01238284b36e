import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NEEDS_RESTART, RELOADABLE_OF_LISTENER } from '../../src/config/reloadable.ts';
import { freshFolder } from '../support/files.ts';
import { requireTool } from '../support/tools.ts';
import { CHART, pick, podTemplate, render, renderChart, type Manifest } from './chart.ts';

/** A setting that changes each key which one process cannot take over. */
const RESTART: Readonly<Record<(typeof NEEDS_RESTART)[number], string>> = {
  listen: 'config.listen.port=18080',
  operator: 'config.operator.port=19090',
  workers: 'config.workers=2',
  workerConnections: 'config.workerConnections="kernel"',
  store: 'config.store.path="/data/other"',
  'limits.headerBytes': 'config.limits={"headerBytes":32768}',
  'log.format': 'config.log={"format":"pretty"}',
};

/** Settings that it can take over. */
const RELOAD: readonly string[] = [
  'config.listen.hosts=["other"]',
  'config.listen.requireHeader="X-Mine"',
  'config.log={"level":"debug"}',
  'config.limits={"bufferedBytes":1048576}',
  'config.shutdown.drain="10s"',
  'config.routes=[{"prefix":"/other","upstream":"https://api.example.com","account":"example"}]',
  'config.accounts={"example":{"flow":"static","credentials":{"token":"${OTHER}"}}}',
  'config.egressProxy="none"',
];

describe('a changed value', () => {
  const annotations = (manifests: readonly Manifest[]): Record<string, string> =>
    podTemplate(manifests).metadata.annotations;
  const checksum = async (context: Mocha.Context, ...settings: string[]): Promise<string | undefined> =>
    annotations((await render(context, undefined, ...settings)).manifests)['checksum/config'];

  it('makes new pods if tokenward cannot take it over while it serves', async function () {
    const before = await checksum(this);
    assert.match(before ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual(Object.keys(RESTART), [...NEEDS_RESTART]);
    for (const setting of Object.values(RESTART)) assert.notEqual(await checksum(this, setting), before, setting);
  });

  it('makes no new pods otherwise', async function () {
    const before = await checksum(this);
    assert.deepEqual(RELOADABLE_OF_LISTENER, ['hosts', 'requireHeader', 'forward.tunnel']);
    for (const setting of RELOAD)
      // The time to stop is a part of the pod.
      assert.equal(await checksum(this, setting), before, setting);
    const forward = (tunnel: string): Promise<string | undefined> =>
      checksum(this, `config.listen.forward={"tunnel":["${tunnel}"]}`);
    assert.equal(await forward('one.example'), await forward('other.example'));
  });

  it('makes new pods for the first route with a host, where an authority signs for it', async function () {
    const routes = (host: string): string =>
      `config.routes=[{${host}"prefix":"/a","upstream":"https://a.example","account":"example"}]`;
    const withHost = '"host":"a.example",';
    assert.equal(await checksum(this, routes('')), await checksum(this, routes(withHost)));
    const forward = 'config.listen.forward={"tunnel":[]}';
    assert.notEqual(await checksum(this, forward, routes('')), await checksum(this, forward, routes(withHost)));
  });

  it('always makes new pods with watch: false, and is not looked at in a ConfigMap of the user', async function () {
    const still = 'config.watch=false';
    assert.notEqual(await checksum(this, still), await checksum(this, still, 'config.log={"level":"debug"}'));
    const { manifests } = await render(this, undefined, 'existingConfigMap="mine"');
    assert.equal(annotations(manifests)?.['checksum/config'], undefined);
    assert.deepEqual(
      manifests.filter(({ kind }) => kind === 'ConfigMap'),
      [],
    );
  });

  it('reaches the pod: the ConfigMap is mounted as a folder, and watched', async function () {
    const { manifests } = await render(this);
    const [container] = podTemplate(manifests).spec.containers;
    const mounts = (container as unknown as { volumeMounts: Record<string, unknown>[] }).volumeMounts;
    assert.deepEqual(
      mounts.find(({ name }) => name === 'config'),
      { name: 'config', mountPath: '/etc/tokenward/config', readOnly: true },
    );
    assert.ok(mounts.every((mount) => !('subPath' in mount)));
  });
});

describe('a new version of the chart', () => {
  const folder = freshFolder();

  /** The pod template of a chart with another version of its own. */
  async function template(context: Mocha.Context, version: string, ...settings: string[]): Promise<unknown> {
    const chart = join(folder(), version, 'tokenward');
    cpSync(CHART, chart, { recursive: true });
    const file = join(chart, 'Chart.yaml');
    const own = readFileSync(file, 'utf8');
    const changed = own.replace(/^version: .*$/m, `version: ${version}`);
    assert.notEqual(changed, own);
    writeFileSync(file, changed);
    const { manifests } = await renderChart(requireTool(context, 'helm'), chart, undefined, ...settings);
    return pick(manifests, 'Deployment').spec!['template'];
  }

  it('alone changes nothing in the pods', async function () {
    assert.deepEqual(await template(this, '9.0.1'), await template(this, '9.0.2+build.5'));
  });

  it('nor does a new version of the application where a digest says which image runs', async function () {
    const digest = `image.digest="sha256:${'a'.repeat(64)}"`;
    const labels = ((await template(this, '9.0.1', digest)) as { metadata: { labels: object } }).metadata.labels;
    assert.deepEqual(Object.keys(labels).sort(), ['app.kubernetes.io/instance', 'app.kubernetes.io/name']);
  });
});
