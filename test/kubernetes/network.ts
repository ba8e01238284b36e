import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { KubeObject } from './chart.ts';
import { chainOf, type Pod } from './policies.ts';

const run = promisify(execFile);

/** A probe: may `from` reach `to` there? */
export interface Probe {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol?: 'tcp' | 'udp';
  readonly reaches: boolean;
}

const LISTENER = `
import select, socket, sys
all = []
for family, host in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
    for port in map(int, sys.argv[1:]):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.bind((host, port))
            if kind == socket.SOCK_STREAM: s.listen(64)
            all.append(s)
print('up', flush=True)
while True:
    for s in select.select(all, [], [])[0]:
        if s.type == socket.SOCK_STREAM: s.accept()[0].close()
        else:
            data, sender = s.recvfrom(64)
            s.sendto(data, sender)
`;

const ASKER = `
import socket, sys, threading
asked = [a.split(' ') for a in sys.argv[1:]]
found = ['0'] * len(asked)
def ask(i, host, port, kind):
    try:
        if kind == 'tcp': socket.create_connection((host, int(port)), 1.5).close()
        else:
            s = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM)
            s.settimeout(1.5)
            s.sendto(b'x', (host, int(port)))
            s.recvfrom(64)
        found[i] = '1'
    except OSError: pass
threads = [threading.Thread(target=ask, args=(i, *a)) for i, a in enumerate(asked)]
for t in threads: t.start()
for t in threads: t.join()
print(''.join(found))
`;

/**
 * A network namespace for each pod, and a router between them that enforces the policies. Needs root, iproute2,
 * nftables and Python.
 */
export class Network {
  readonly #prefix = `tw${process.pid}`;
  readonly #pods: readonly Pod[];
  readonly #children: ChildProcess[] = [];

  private constructor(pods: readonly Pod[]) {
    this.#pods = pods;
  }

  static async with<T>(
    pods: readonly Pod[],
    ports: readonly number[],
    act: (network: Network) => Promise<T>,
  ): Promise<T> {
    const network = new Network(pods);
    const tidy = (): void => network.#down();
    process.once('exit', tidy);
    try {
      network.#up();
      await network.#listen(ports);
      return await act(network);
    } finally {
      tidy();
      process.off('exit', tidy);
    }
  }

  /** From now on these policies hold. */
  enforce(policies: readonly KubeObject[]): void {
    const chains: string[] = [];
    const jumps: string[] = [];
    this.#pods.forEach((pod, index) => {
      for (const direction of ['Egress', 'Ingress'] as const) {
        const verdicts = chainOf(policies, this.#pods, pod, direction).map((verdict) =>
          verdict.replace(/accept$/, 'return'),
        );
        chains.push(`chain ${direction}${index} {\n${verdicts.join('\n')}\n}`);
        jumps.push(`${direction === 'Egress' ? 'iifname' : 'oifname'} v${index} jump ${direction}${index}`);
      }
    });
    const rules = `flush ruleset\ntable inet policies {\n${chains.join('\n')}\nchain forward {
type filter hook forward priority 0; policy accept;
icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
ct state established,related accept\n${jumps.join('\n')}\n}\n}\n`;
    execFileSync('ip', ['netns', 'exec', `${this.#prefix}r`, 'nft', '-f', '-'], { input: rules });
  }

  /** Which of the probes reach, over IPv4 or IPv6. All at once: a dropped packet costs the whole time limit. */
  async ask(probes: readonly Probe[], family: 'v4' | 'v6'): Promise<readonly boolean[]> {
    const found = new Map<Probe, boolean>();
    await Promise.all(
      [...new Set(probes.map((probe) => probe.from))].map(async (from) => {
        const own = probes.filter((probe) => probe.from === from);
        const asked = own.map(({ to, port, protocol = 'tcp' }) => `${this.#named(to)[family]} ${port} ${protocol}`);
        const { stdout } = await run('ip', [
          ...['netns', 'exec', this.#namespaceOf(from), 'python3', '-c', ASKER],
          ...asked,
        ]);
        own.forEach((probe, index) => found.set(probe, stdout[index] === '1'));
      }),
    );
    return probes.map((probe) => found.get(probe)!);
  }

  /** The arguments of `ip` that run a program in a pod. */
  inside(name: string, ...command: readonly string[]): string[] {
    return ['netns', 'exec', this.#namespaceOf(name), ...command];
  }

  /** What kube-proxy does: in every pod, the Service's address and port lead to a pod's. IPv4 only. */
  serve(address: string, port: number, to: string, targetPort: number): void {
    const rules = `table ip services\nflush table ip services\ntable ip services {\nchain output {
type nat hook output priority -100; policy accept;
ip daddr ${address} tcp dport ${port} dnat to ${this.#named(to).v4}:${targetPort}\n}\n}\n`;
    for (const { name } of this.#pods) execFileSync('ip', this.inside(name, 'nft', '-f', '-'), { input: rules });
  }

  #named(name: string): Pod {
    const pod = this.#pods.find((candidate) => candidate.name === name);
    if (pod === undefined) throw new Error(`no pod ${name}`);
    return pod;
  }

  #namespaceOf(name: string): string {
    return `${this.#prefix}${this.#pods.indexOf(this.#named(name))}`;
  }

  #up(): void {
    const router = `${this.#prefix}r`;
    const commands = [
      `netns add ${router}`,
      `-n ${router} link set lo up`,
      ...this.#pods.flatMap(({ v4, v6 }, index) => {
        const own = `${this.#prefix}${index}`;
        return [
          `netns add ${own}`,
          `link add eth0 netns ${own} type veth peer name v${index} netns ${router}`,
          `-n ${own} link set lo up`,
          `-n ${own} addr add ${v4}/32 dev eth0`,
          `-n ${own} addr add ${v6}/128 dev eth0 nodad`,
          `-n ${own} link set eth0 up`,
          `-n ${router} link set v${index} up`,
          `-n ${router} addr add 198.18.0.${index + 1}/32 dev v${index}`,
          `-n ${router} addr add fe80::1/64 dev v${index} nodad`,
          `-n ${router} route add ${v4}/32 dev v${index}`,
          `-n ${router} route add ${v6}/128 dev v${index}`,
          `-n ${own} route add 198.18.0.${index + 1}/32 dev eth0`,
          `-n ${own} route add default via 198.18.0.${index + 1}`,
          `-n ${own} -6 route add default via fe80::1 dev eth0`,
        ];
      }),
    ];
    for (const command of commands) execFileSync('ip', command.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] });
    for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1'])
      execFileSync('ip', ['netns', 'exec', router, 'sysctl', '-qw', setting]);
  }

  async #listen(ports: readonly number[]): Promise<void> {
    await Promise.all(
      this.#pods.map(async ({ name }) => {
        const child = spawn(
          'ip',
          ['netns', 'exec', this.#namespaceOf(name), 'python3', '-c', LISTENER, ...ports.map(String)],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        );
        this.#children.push(child);
        await once(child.stdout, 'data');
      }),
    );
  }

  #down(): void {
    for (const child of this.#children.splice(0)) child.kill('SIGKILL');
    for (const name of ['r', ...this.#pods.keys()])
      try {
        execFileSync('ip', ['netns', 'del', `${this.#prefix}${name}`], { stdio: 'ignore' });
      } catch {
        // It was never made.
      }
  }
}
