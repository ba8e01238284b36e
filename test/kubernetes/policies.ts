import { NAMESPACE, type KubeObject } from './chart.ts';

/*
 * NetworkPolicy as nftables rules: what a network plugin does, in the plainest form. A pod that a policy selects for a
 * direction gets a chain with every peer of its rules, and a drop at its end.
 */

export interface Pod {
  readonly name: string;
  /** Undefined: outside the cluster, where no policy holds. */
  readonly namespace?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly v4: string;
  readonly v6: string;
}

type Labels = Readonly<Record<string, string>>;
interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { key: string; operator: string; values?: readonly string[] }[];
}
interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}
interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: number; readonly endPort?: number; readonly protocol?: string }[];
}
interface Policy {
  readonly podSelector: Selector;
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

/** The verdicts of a pod's chain, in order; `accept` alone where no policy selects it. */
export function chainOf(
  policies: readonly KubeObject[],
  pods: readonly Pod[],
  pod: Pod,
  direction: 'Ingress' | 'Egress',
): string[] {
  const mine = policies.filter(({ metadata, spec }) => {
    const { podSelector, policyTypes } = spec as Policy;
    return (
      pod.namespace === (metadata.namespace ?? NAMESPACE) &&
      matches(podSelector, pod.labels) &&
      policyTypes.includes(direction)
    );
  });
  if (pod.namespace === undefined || mine.length === 0) return ['accept'];
  const accepted = mine.flatMap(({ metadata, spec }) => {
    const { ingress, egress } = spec as Policy;
    return (direction === 'Ingress' ? (ingress ?? []) : (egress ?? [])).flatMap((rule) =>
      (rule.from ?? rule.to ?? [undefined]).flatMap((peer) =>
        conditionsOf(peer, pods, metadata.namespace ?? NAMESPACE, direction === 'Ingress' ? 'saddr' : 'daddr').flatMap(
          (condition) => portsOf(rule).map((port) => `${condition} ${port} accept`.trim()),
        ),
      ),
    );
  });
  return [...accepted, 'drop'];
}

function portsOf({ ports }: Rule): string[] {
  if (ports === undefined || ports.length === 0) return [''];
  return ports.map(
    ({ port, endPort, protocol = 'TCP' }) =>
      `${protocol.toLowerCase()} dport ${port}${endPort === undefined ? '' : `-${endPort}`}`,
  );
}

function conditionsOf(peer: Peer | undefined, pods: readonly Pod[], namespace: string, field: string): string[] {
  if (peer === undefined) return [''];
  if (peer.ipBlock !== undefined) {
    const { cidr, except = [] } = peer.ipBlock;
    const family = cidr.includes(':') ? 'ip6' : 'ip';
    // "ip daddr 0.0.0.0/0" says only that it is IPv4.
    const within = /\/0$/.test(cidr)
      ? `meta nfproto ${family === 'ip' ? 'ipv4' : 'ipv6'}`
      : `${family} ${field} ${cidr}`;
    return [`${within}${except.map((range) => ` ${family} ${field} != ${range}`).join('')}`];
  }
  return pods
    .filter(
      (other) =>
        other.namespace !== undefined &&
        (peer.namespaceSelector === undefined
          ? other.namespace === namespace
          : matches(peer.namespaceSelector, { 'kubernetes.io/metadata.name': other.namespace })) &&
        (peer.podSelector === undefined || matches(peer.podSelector, other.labels)),
    )
    .flatMap(({ v4, v6 }) => [`ip ${field} ${v4}`, `ip6 ${field} ${v6}`]);
}

function matches({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const found = labels[key];
      if (operator === 'In') return found !== undefined && values.includes(found);
      if (operator === 'NotIn') return found === undefined || !values.includes(found);
      return operator === 'Exists' ? found !== undefined : found === undefined;
    })
  );
}
