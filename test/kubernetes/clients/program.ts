import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { asInPod } from '../../deploy/in-pod.ts';
import type { KubeObject } from '../chart.ts';
import type { Network } from '../network.ts';

const run = promisify(execFile);
const MAIN = resolve('dist/main.js');
/** The sandbox's control API; chatapp is two ports above it. */
const CONTROL = 8180;
const START_MS = 60_000;

/** The account's credentials at the sandbox. */
const CREDENTIALS = {
  CHATAPP_EMAIL: 'crm@sandbox.example',
  CHATAPP_PASSWORD: "crm-pa$$word'1",
  CHATAPP_APP_ID: 'app_104233_1',
};

/** tokenward with a rendered configuration in the pod `tokenward`; beside it, on loopback, the vendor's stand-in. */
export class Program {
  readonly authority: string;
  readonly #network: Network;
  readonly #folder: string;
  readonly #file: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #children: ChildProcess[] = [];

  private constructor(network: Network, folder: string, file: string, env: NodeJS.ProcessEnv) {
    this.#network = network;
    this.#folder = folder;
    this.#file = file;
    this.#env = env;
    this.authority = join(folder, 'authority.pem');
  }

  /** Starts both; what an init container does, before. `jwks`: the API server's public keys. */
  static async start(network: Network, folder: string, objects: readonly KubeObject[], jwks: object): Promise<Program> {
    const { file, environment } = asInPod(configOf(objects), folder);
    writeFileSync(join(folder, 'jwks', 'jwks.json'), JSON.stringify(jwks));
    const config = parse(readFileSync(file, 'utf8')) as {
      store: { path?: string };
      accounts: Record<string, { baseUrl?: string }>;
      routes: { upstream: string }[];
    };
    const vendor = `http://127.0.0.1:${CONTROL + 2}`;
    config.store.path = join(folder, 'store');
    config.accounts['crm']!.baseUrl = vendor;
    for (const route of config.routes) if (route.upstream === 'https://api.chatapp.online') route.upstream = vendor;
    writeFileSync(file, JSON.stringify(config));
    const program = new Program(network, folder, file, {
      ...{ PATH: process.env['PATH'], ...environment, ...CREDENTIALS },
    });
    try {
      program.#spawn('sandbox', '--port', String(CONTROL));
      if (objects.some(({ kind, spec }) => kind === 'Deployment' && JSON.stringify(spec).includes('"ca","make"'))) {
        await program.#once('ca', 'make', '-c', file);
        await program.#once('ca', 'export', '-c', file, '-o', program.authority);
      }
      program.#spawn('serve', '-c', file);
      await program.#answers(`http://127.0.0.1:${CONTROL}/`);
      await program.#answers('http://127.0.0.1:9090/readyz');
      return program;
    } catch (error) {
      await program.stop();
      throw error;
    }
  }

  /** The vendor ends the token that tokenward has. */
  async revoke(): Promise<void> {
    await this.#curl('-X', 'POST', `http://127.0.0.1:${CONTROL}/chatapp/revoke`);
  }

  /** How many requests of a kind the vendor carried out. */
  async carriedOut(kind: 'api' | 'login' | 'refresh'): Promise<number> {
    const { entries } = JSON.parse(
      await this.#curl(`http://127.0.0.1:${CONTROL}/ledger?vendor=chatapp&kind=${kind}`),
    ) as {
      entries: { outcome: string }[];
    };
    return entries.filter(({ outcome }) => outcome === 'ok').length;
  }

  async stop(): Promise<void> {
    for (const child of this.#children.splice(0).reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  }

  #spawn(...args: readonly string[]): void {
    const command = this.#network.inside('tokenward', process.execPath, MAIN, ...args);
    this.#children.push(spawn('ip', command, { env: this.#env, cwd: this.#folder, stdio: 'ignore' }));
  }

  async #once(...args: readonly string[]): Promise<void> {
    await run('ip', this.#network.inside('tokenward', process.execPath, MAIN, ...args), { env: this.#env });
  }

  async #curl(...args: readonly string[]): Promise<string> {
    return (await run('ip', this.#network.inside('tokenward', 'curl', '-sSf', ...args))).stdout;
  }

  async #answers(url: string): Promise<void> {
    for (const end = Date.now() + START_MS; ; await sleep(200))
      try {
        await this.#curl(url);
        return;
      } catch (error) {
        if (Date.now() > end) throw new Error(`${this.#file}: ${url} does not answer`, { cause: error });
      }
  }
}

function configOf(objects: readonly KubeObject[]): string {
  const map = objects.find(({ kind, data }) => kind === 'ConfigMap' && data?.['proxy.config.yaml'] !== undefined);
  return map!.data!['proxy.config.yaml']!;
}
