import { stringify } from 'yaml';
import { messageOf, type Tally } from '../../harness/tally.ts';
import { ApiServer, isServerReady } from '../api-server.ts';
import { NAMESPACE, rendered, type KubeObject } from '../chart.ts';
import type { Part } from '../part.ts';
import { VARIANTS } from '../variants.ts';

/** Kinds of this API server itself. Others need the definitions of those who made them. */
const BUILT_IN = /^(v1|apps\/v1|policy\/v1|autoscaling\/v2|networking\.k8s\.io\/v1)$/;

/** The chart at a real API server: strict validation, admission of pods, and a life of a release. */
export const api: Part = {
  name: 'api',
  // Building it takes half an hour; a run of the parts that need it, about two minutes.
  get isHeavy() {
    return !isServerReady();
  },
  run: (tally) =>
    ApiServer.with((server) => {
      for (const name of [NAMESPACE, 'shop', 'billing', 'gateways', 'monitoring'])
        server.kubectl(['create', 'namespace', name]);
      for (const { name, values, settings } of VARIANTS) accept(tally, server, name, rendered(values, ...settings));
      const release = life(tally, server);
      return Promise.resolve(`${VARIANTS.length} sets of values, and ${release} steps in the life of a release`);
    }),
};

function accept(tally: Tally, server: ApiServer, name: string, objects: readonly KubeObject[]): void {
  const known = objects.filter(({ apiVersion }) => BUILT_IN.test(apiVersion));
  const said = attempt(() =>
    server.kubectl(
      ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-'],
      known.map((object) => stringify(object)).join('---\n'),
    ),
  );
  tally.count(`${name}: every object is accepted`, said);
  // Of a Deployment the standard only warns: it refuses pods.
  const deployment = objects.find(({ kind }) => kind === 'Deployment')!;
  const { spec } = (deployment.spec as { template: { spec: Record<string, unknown> } }).template;
  // RuntimeClass and PriorityClass objects are the cluster's.
  const { runtimeClassName: _, priorityClassName: __, ...own } = spec;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'one', namespace: NAMESPACE }, spec: own };
  tally.count(
    `${name}: the pod meets the standard "restricted"`,
    attempt(() => server.kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], stringify(pod))),
  );
}

/** Installs, changes the store there and back, removes and installs again. The number of steps. */
function life(tally: Tally, server: ApiServer): number {
  const get = (path: string): string =>
    server.kubectl(['-n', NAMESPACE, 'get', 'deployment', 'tokenward', '-o', `jsonpath={${path}}`]);
  const claims = (): string => server.kubectl(['-n', NAMESPACE, 'get', 'pvc', '-o', 'name']).trim();
  const steps: readonly (readonly [what: string, act: () => void])[] = [
    ['install', () => void server.helm('install', 'tokenward', 'helm/tokenward', '-n', NAMESPACE)],
    [
      'upgrade to Redis',
      () => {
        const values = ['-f', 'helm/tokenward/examples/store-redis.yaml'];
        server.helm('upgrade', 'tokenward', 'helm/tokenward', '-n', NAMESPACE, ...values);
        tally.equal('Redis rolls', get('.spec.strategy.type'), 'RollingUpdate');
        tally.equal('Redis has its replicas', get('.spec.replicas'), '3');
      },
    ],
    [
      'a change that is reloaded',
      () => {
        const before = get('.spec.template');
        const values = ['--reuse-values', '--set', 'config.log.level=debug'];
        server.helm('upgrade', 'tokenward', 'helm/tokenward', '-n', NAMESPACE, ...values);
        tally.equal('the pods stay as they are', get('.spec.template') === before, true);
      },
    ],
    [
      'upgrade to an autoscaler, which scales',
      () => {
        const values = ['-f', 'helm/tokenward/examples/store-redis.yaml', '--set', 'autoscaling.enabled=true'];
        server.helm('upgrade', 'tokenward', 'helm/tokenward', '-n', NAMESPACE, ...values);
        server.kubectl(['-n', NAMESPACE, 'scale', 'deployment', 'tokenward', '--replicas=7']);
        server.helm('upgrade', 'tokenward', 'helm/tokenward', '-n', NAMESPACE, ...values, '--set', 'minReadySeconds=3');
        tally.equal('an upgrade leaves its work alone', get('.spec.replicas'), '7');
      },
    ],
    [
      'upgrade back to the embedded store',
      () => {
        server.helm('upgrade', 'tokenward', 'helm/tokenward', '-n', NAMESPACE, '--reset-values');
        tally.equal('the embedded store does not roll', get('.spec.strategy.type'), 'Recreate');
      },
    ],
    [
      'uninstall',
      () => {
        server.helm('uninstall', 'tokenward', '-n', NAMESPACE);
        tally.equal('the claim is kept', claims(), 'persistentvolumeclaim/tokenward-data');
        tally.equal(
          'and nothing else',
          server.kubectl(['-n', NAMESPACE, 'get', 'deploy,svc,netpol,sa,pdb,hpa', '-o', 'name']),
          '',
        );
      },
    ],
    [
      'install again',
      () => {
        server.helm('install', 'tokenward', 'helm/tokenward', '-n', NAMESPACE);
        tally.equal('the claim is adopted', claims(), 'persistentvolumeclaim/tokenward-data');
      },
    ],
  ];
  for (const [what, act] of steps) tally.count(what, attempt(act));
  return steps.length;
}

/** What it broke off with; undefined: nothing. */
function attempt(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return (stderr ?? messageOf(error)).trim().slice(0, 600);
  }
}
