import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountAsKubelet } from '../../support/kubelet-mount.ts';
import { freePort } from '../../support/free-port.ts';

/** The chart's readiness probe. */
export interface Readiness {
  readonly path: string;
  readonly periodSeconds: number;
  readonly failureThreshold: number;
  readonly timeoutSeconds: number;
}

/** How long it takes until the nodes have heard that a pod is going, ms. Its SIGTERM does not wait for it. */
const PROPAGATION = 1_000;
const START_MS = 90_000;

/** tokenward as a pod: the built program, its configuration mounted as a folder, and a kubelet that probes it. */
export class Pod {
  readonly name: string;
  readonly port: number;
  readonly #operatorPort: number;
  readonly #folder: string;
  readonly #readiness: Readiness;
  #child: ChildProcess | undefined;
  #output = '';
  #isReady = false;
  #isDeleted = false;

  private constructor(name: string, folder: string, ports: readonly [number, number], readiness: Readiness) {
    this.name = name;
    this.#folder = join(folder, name);
    [this.port, this.#operatorPort] = ports;
    this.#readiness = readiness;
  }

  /** Starts it; `config` is given its ports. It is ready later. */
  static async start(name: string, folder: string, readiness: Readiness, config: object): Promise<Pod> {
    const pod = new Pod(name, folder, [await freePort(), await freePort()], readiness);
    pod.mount(config);
    const args = [resolve('dist/main.js'), 'serve', '-c', join(pod.#folder, 'proxy.config.yaml')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (pod.#output = (pod.#output + text).slice(-8_000)));
    pod.#child = child;
    void pod.#probe(child);
    return pod;
  }

  /** Whether the Service sends new connections to it. */
  get isInService(): boolean {
    return this.#isReady && !this.#isDeleted;
  }

  /** The ConfigMap has changed, and the kubelet has written it. */
  mount(config: object): void {
    const own = {
      ...config,
      listen: { host: '127.0.0.1', port: this.port },
      operator: { host: '127.0.0.1', port: this.#operatorPort },
    };
    mountAsKubelet(this.#folder, { 'proxy.config.yaml': JSON.stringify(own) });
  }

  async ready(): Promise<void> {
    for (const end = Date.now() + START_MS; !this.#isReady; await sleep(20))
      if (Date.now() > end || this.#hasEnded)
        throw new Error(`${this.name} did not become ready: ${this.#output.slice(-1_000)}`);
  }

  /** Deletes it, as a rolling update does. Resolves with its exit code. */
  async delete(): Promise<number | null> {
    const child = this.#child!;
    const ended = once(child, 'exit') as Promise<[number | null]>;
    setTimeout(() => (this.#isDeleted = true), PROPAGATION);
    child.kill('SIGTERM');
    return (await ended)[0];
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  get #hasEnded(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The first success makes it ready; then so many failures in a row as the probe allows take it out. */
  async #probe(child: ChildProcess): Promise<void> {
    const { path, periodSeconds, failureThreshold, timeoutSeconds } = this.#readiness;
    let failures = 0;
    while (child.exitCode === null && child.signalCode === null) {
      const status = await this.#ask(path, timeoutSeconds * 1_000);
      failures = status === 200 ? 0 : failures + 1;
      if (failures === 0) this.#isReady = true;
      else if (failures >= failureThreshold) this.#isReady = false;
      // Until it is up the startup probe asks more often.
      await sleep(this.#isReady ? periodSeconds * 1_000 : 200);
    }
    this.#isReady = false;
  }

  /** Status 0: no response. */
  #ask(path: string, timeout: number): Promise<number> {
    return new Promise((found) => {
      const request = get({ host: '127.0.0.1', port: this.#operatorPort, path, timeout, agent: false }, (response) => {
        response.resume();
        found(response.statusCode ?? 0);
      });
      request.on('error', () => found(0));
      request.on('timeout', () => request.destroy());
    });
  }
}
