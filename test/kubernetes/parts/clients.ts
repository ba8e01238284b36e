import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { toolFor } from '../../harness/tools.ts';
import { messageOf, type Tally } from '../../harness/tally.ts';
import { NAMESPACE, rendered, type KubeObject } from '../chart.ts';
import { EXAMPLES, type Client, type Example } from '../clients/examples.ts';
import { Program } from '../clients/program.ts';
import { Network } from '../network.ts';
import type { Part } from '../part.ts';
import type { Pod } from '../policies.ts';

const run = promisify(execFile);
/** The Service of every example; dns-alias.yaml fixes this address. */
const SERVICE = '10.96.0.80';

/** The examples, called by curl and Python from pods of their own, through the policies that the examples render. */
export const clients: Part = {
  name: 'clients',
  isHeavy: true,
  async run(tally) {
    if (process.getuid?.() !== 0) return 'left out: network namespaces need root';
    for (const tool of ['ip', 'nft', 'curl', 'python3']) if (toolFor('clients', tool) === undefined) return 'left out';
    const cluster = await apiServerKeys();
    let calls = 0;
    for (const example of EXAMPLES)
      await tally.attempt(example.file, async () => void (calls += await play(tally, example, cluster)));
    return `${EXAMPLES.length} examples, ${calls} requests`;
  },
};

/** The number of requests. */
async function play(tally: Tally, example: Example, { jwks, token }: Keys): Promise<number> {
  const { file, settings = [], alias = false, port } = example;
  const objects = rendered(`helm/tokenward/examples/${file}.yaml`, 'tests.enabled=false', ...settings);
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-clients-'));
  try {
    return await Network.with(podsFor(objects), [], async (network) => {
      network.enforce(objects.filter(({ kind }) => kind === 'NetworkPolicy'));
      network.serve(SERVICE, port.service, 'tokenward', port.container);
      const hosts = join(folder, 'hosts');
      const names = ['tokenward.egress', ...(alias ? ['api.chatapp.online'] : [])];
      writeFileSync(hosts, `127.0.0.1 localhost\n${SERVICE} ${names.join(' ')}\n`);
      const program = await Program.start(network, folder, objects, jwks);
      try {
        const callers = example.clients({ authority: program.authority, token });
        for (const caller of callers) {
          const [tool = ''] = caller.command;
          tally.equal(`${file}: ${tool} from ${caller.pod}`, await call(network, hosts, caller), '200');
          // The next request meets a dead token, and is healed.
          await program.revoke();
        }
        tally.equal(`${file}: healed`, await call(network, hosts, callers[0]!), '200');
        const stranger = await call(network, hosts, { ...callers[0]!, pod: 'stranger' });
        tally.count(`${file}: a stranger`, stranger === '200' ? 'it reaches tokenward all the same' : undefined);
        tally.equal(
          `${file}: carried out by the vendor: requests, logins, refreshes`,
          [await program.carriedOut('api'), await program.carriedOut('login'), await program.carriedOut('refresh')],
          [callers.length + 1, 1, callers.length],
        );
        return callers.length + 2;
      } finally {
        await program.stop();
      }
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the program prints: the status. */
async function call(network: Network, hosts: string, { pod, command, env = {} }: Client): Promise<string> {
  // Every `ip netns exec` has mounts of its own.
  const inside = network.inside(pod, 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, ...command);
  try {
    const { stdout } = await run('ip', inside, { env: { PATH: process.env['PATH'], ...env }, timeout: 20_000 });
    return stdout;
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    return (stderr ?? messageOf(error)).trim().slice(-300);
  }
}

function podsFor(objects: readonly KubeObject[]): readonly Pod[] {
  const { spec } = objects.find(({ kind }) => kind === 'Deployment')!;
  const { labels } = (spec as { template: { metadata: { labels: Record<string, string> } } }).template.metadata;
  const pod = (name: string, namespace: string, own: Pod['labels'], last: number): Pod => ({
    ...{ name, namespace, labels: own },
    ...{ v4: `10.244.0.${last}`, v6: `fd00:10:244::${last}` },
  });
  return [
    pod('tokenward', NAMESPACE, labels, 20),
    pod('legacy', NAMESPACE, { app: 'legacy' }, 11),
    pod('stranger', 'other', { app: 'legacy' }, 12),
    pod('shop', 'shop', { app: 'legacy' }, 13),
    pod('gateway', 'gateways', {}, 14),
  ];
}

interface Keys {
  readonly jwks: object;
  readonly token: string;
}

/** The public key of an API server, and a token that it gave the service account `backend`. */
async function apiServerKeys(): Promise<Keys> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'RS256', kid: 'one' })
    .setIssuer('https://kubernetes.default.svc.cluster.local')
    .setAudience('tokenward')
    .setSubject('system:serviceaccount:shop:backend')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
  return { jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] }, token };
}
