import type { Tally } from '../../harness/tally.ts';
import { toolFor } from '../../harness/tools.ts';
import { NAMESPACE, rendered, type KubeObject } from '../chart.ts';
import { Network, type Probe } from '../network.ts';
import type { Part } from '../part.ts';
import type { Pod } from '../policies.ts';

const PORTS = [53, 80, 443, 5353, 5432, 6379, 8080, 9090];

/** Pods, and what stands for the world outside. The addresses of the latter are the point. */
function podsFor(tokenward: Readonly<Record<string, string>>): readonly Pod[] {
  const pod = (name: string, namespace: string, labels: Pod['labels'], last: number): Pod => ({
    name,
    namespace,
    labels,
    v4: `10.244.0.${last}`,
    v6: `fd00:10:244::${last}`,
  });
  const outside = (name: string, v4: string, v6: string): Pod => ({ name, labels: {}, v4, v6 });
  return [
    pod('caller', NAMESPACE, { 'tokenward-caller': 'true', app: 'legacy' }, 11),
    pod('stranger', NAMESPACE, { app: 'other' }, 12),
    pod('foreign', 'other', { 'tokenward-caller': 'true' }, 13),
    pod('shop', 'shop', { app: 'legacy' }, 14),
    pod('tokenward', NAMESPACE, tokenward, 20),
    pod('redis', NAMESPACE, { 'app.kubernetes.io/name': 'redis' }, 30),
    pod('dns', 'kube-system', { 'k8s-app': 'kube-dns' }, 40),
    pod('openshift', 'openshift-dns', { 'dns.operator.openshift.io/daemonset-dns': 'default' }, 41),
    pod('prometheus', 'monitoring', {}, 50),
    pod('postgres', 'shop', { app: 'postgres' }, 60),
    pod('test', NAMESPACE, { 'app.kubernetes.io/component': 'test', 'tokenward-test': 'tokenward' }, 70),
    outside('vendor', '203.0.113.10', '2001:db8::10'),
    outside('metadata', '169.254.169.254', 'fd00:ec2::254'),
    outside('intranet', '10.9.0.5', 'fc00:9::5'),
    outside('apiserver', '10.96.0.1', 'fd00:10:96::1'),
    // The same private address in the forms in which IPv6 leads to IPv4.
    outside('nat64', '192.168.9.9', '64:ff9b::a09:5'),
    outside('localNat64', '172.16.9.9', '64:ff9b:1::a09:5'),
    outside('sixToFour', '100.64.9.9', '2002:a09:5::1'),
  ];
}

/** A pod, a port, and the protocol unless it is TCP. */
type Target = readonly [name: string, port: number, protocol?: 'tcp' | 'udp'];

const reach = (from: string, ...to: readonly Target[]): Probe[] =>
  to.map(([name, port, protocol = 'tcp']) => ({ from, to: name, port, protocol, reaches: true }));
const refuse = (from: string, ...to: readonly Target[]): Probe[] =>
  to.map(([name, port, protocol = 'tcp']) => ({ from, to: name, port, protocol, reaches: false }));

interface Case {
  readonly name: string;
  readonly values?: string;
  readonly settings?: readonly string[];
  readonly probes: readonly Probe[];
}

const CASES: readonly Case[] = [
  {
    name: 'the default',
    settings: ['tests.enabled=false'],
    probes: [
      ...reach('caller', ['tokenward', 8080], ['vendor', 443]),
      ...refuse('caller', ['tokenward', 9090]),
      ...refuse('stranger', ['tokenward', 8080], ['tokenward', 9090]),
      ...refuse('foreign', ['tokenward', 8080]),
      ...refuse('test', ['tokenward', 8080], ['tokenward', 9090]),
      ...reach('prometheus', ['tokenward', 9090]),
      ...refuse('prometheus', ['tokenward', 8080]),
      ...reach('tokenward', ['vendor', 443], ['dns', 53], ['dns', 53, 'udp']),
      ...refuse(
        'tokenward',
        ['vendor', 80],
        ['dns', 443],
        ['openshift', 5353, 'udp'],
        ['caller', 8080],
        ['redis', 6379],
      ),
      ...refuse('tokenward', ['metadata', 80], ['metadata', 443], ['intranet', 443], ['apiserver', 443]),
      ...refuse('tokenward', ['nat64', 443], ['localNat64', 443], ['sixToFour', 443], ['postgres', 5432]),
    ],
  },
  {
    name: 'with helm test under way',
    probes: [...reach('test', ['tokenward', 8080], ['tokenward', 9090]), ...refuse('stranger', ['tokenward', 9090])],
  },
  {
    name: 'Redis',
    values: 'helm/tokenward/examples/store-redis.yaml',
    settings: ['tests.enabled=false'],
    probes: [
      ...reach('tokenward', ['redis', 6379], ['vendor', 443]),
      ...refuse('tokenward', ['redis', 443], ['postgres', 5432]),
    ],
  },
  {
    name: 'OpenShift',
    values: 'helm/tokenward/ci/openshift-values.yaml',
    settings: ['tests.enabled=false'],
    probes: [
      ...reach('tokenward', ['openshift', 5353, 'udp'], ['openshift', 5353]),
      ...refuse('tokenward', ['openshift', 53, 'udp'], ['dns', 53, 'udp']),
    ],
  },
  {
    name: 'the only way out',
    values: 'helm/tokenward/examples/base-url.yaml',
    settings: ['tests.enabled=false'],
    probes: [
      ...reach('shop', ['tokenward', 8080], ['postgres', 5432], ['dns', 53, 'udp']),
      ...refuse('shop', ['vendor', 443], ['vendor', 80], ['tokenward', 9090], ['metadata', 80], ['intranet', 443]),
      ...refuse('caller', ['tokenward', 8080]),
      ...reach('postgres', ['vendor', 443]),
    ],
  },
  {
    name: 'names by Cilium leave the addresses shut',
    values: 'helm/tokenward/examples/cilium.yaml',
    settings: ['tests.enabled=false'],
    probes: [...refuse('tokenward', ['vendor', 443], ['dns', 53, 'udp']), ...reach('caller', ['tokenward', 8080])],
  },
  {
    name: 'nobody named',
    settings: ['tests.enabled=false', 'networkPolicy.callers=[]', 'networkPolicy.monitoring=[]'],
    probes: [...refuse('caller', ['tokenward', 8080]), ...refuse('prometheus', ['tokenward', 9090])],
  },
];

/** NetworkPolicies with real packets, over IPv4 and IPv6. */
export const packets: Part = {
  name: 'packets',
  async run(tally) {
    if (process.getuid?.() !== 0) {
      if (process.env['CI'] === 'true') throw new Error('network namespaces need root, and CI must not leave them out');
      return 'left out: network namespaces need root';
    }
    for (const tool of ['ip', 'nft', 'python3']) if (toolFor('packets', tool) === undefined) return 'left out';
    const labels = labelsOf(rendered());
    return Network.with(podsFor(labels), PORTS, async (network) => {
      let count = 0;
      // Without policies everything reaches: else a drop would prove nothing.
      network.enforce([]);
      const all = CASES.flatMap(({ probes }) => probes);
      for (const family of ['v4', 'v6'] as const) {
        const open = await network.ask(all, family);
        tally.equal(`without policies, ${family}`, all.filter((_, index) => !open[index]).map(inWords), []);
      }
      for (const { name, values, settings = [], probes } of CASES) {
        network.enforce(rendered(values, ...settings).filter(({ kind }) => kind === 'NetworkPolicy'));
        for (const family of ['v4', 'v6'] as const) {
          const found = await network.ask(probes, family);
          probes.forEach((probe, index) => {
            count += 1;
            judge(tally, `${name}, ${family}`, probe, found[index]!);
          });
        }
      }
      return `${count} probes in ${CASES.length} cases`;
    });
  },
};

function judge(tally: Tally, where: string, probe: Probe, found: boolean): void {
  const wanted = probe.reaches ? 'reaches' : 'is refused';
  tally.count(
    `${inWords(probe)} (${where})`,
    found === probe.reaches ? undefined : `it does not hold that it ${wanted}`,
  );
}

function inWords({ from, to, port, protocol = 'tcp' }: Probe): string {
  return `${from} to ${to}:${port}/${protocol}`;
}

function labelsOf(objects: readonly KubeObject[]): Readonly<Record<string, string>> {
  const { spec } = objects.find(({ kind }) => kind === 'Deployment')!;
  return (spec as { template: { metadata: { labels: Record<string, string> } } }).template.metadata.labels;
}
