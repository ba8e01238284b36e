import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import type { Tally } from '../../harness/tally.ts';
import { rendered } from '../chart.ts';
import { Callers, inWords } from './callers.ts';
import { Pod, type Readiness } from './pod.ts';
import { Service } from './service.ts';

const VALUES = 'helm/tokenward/examples/store-redis.yaml';
const REPLICAS = 2;
/** How long there is load before the first pod goes, and after the last one has come, ms. */
const AROUND = 3_000;

export interface RolloutOptions {
  /** The `store` section without its key. */
  readonly store: object;
  /** The second account's password is wrong. */
  readonly deadAccount?: boolean;
  /** In place of the chart's `probes.readinessPath`. */
  readonly readinessPath?: string;
}

/** A Deployment of two replicas over Redis, with the chart's probe and time to stop, that is rolled under load. */
export class Rollout {
  readonly sandbox: Sandbox;
  readonly callers: Callers;
  readonly pods = new Set<Pod>();
  readonly #service: Service;
  readonly #folder: string;
  readonly #options: RolloutOptions;
  readonly #readiness: Readiness;
  readonly #shutdown: object;
  readonly #key = randomBytes(32).toString('base64');
  #config: Readonly<Record<string, unknown>>;
  #count = 0;

  private constructor(sandbox: Sandbox, service: Service, pods: Set<Pod>, folder: string, options: RolloutOptions) {
    this.sandbox = sandbox;
    this.#service = service;
    this.pods = pods;
    this.#folder = folder;
    this.#options = options;
    this.callers = new Callers(service.port);
    const { readiness, shutdown } = fromChart();
    this.#readiness = options.readinessPath === undefined ? readiness : { ...readiness, path: options.readinessPath };
    this.#shutdown = shutdown;
    this.#config = this.#first();
  }

  /** Two pods, ready; acts, and ends everything. */
  static async with<T>(options: RolloutOptions, act: (rollout: Rollout) => Promise<T>): Promise<T> {
    const sandbox = await startSandbox();
    const pods = new Set<Pod>();
    const service = await Service.start(pods);
    const folder = mkdtempSync(join(tmpdir(), 'tokenward-rolling-'));
    const killAll = (): void => {
      for (const pod of pods) pod.kill();
    };
    process.once('exit', killAll);
    try {
      const rollout = new Rollout(sandbox, service, pods, folder, options);
      for (let number = 0; number < REPLICAS; number += 1) await rollout.#add();
      return await act(rollout);
    } finally {
      killAll();
      process.off('exit', killAll);
      service.stop();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Load, a new pod for each old one, and load. `between` acts when the first of them has been replaced. */
  async roll(tally: Tally, between?: () => Promise<void>): Promise<void> {
    this.callers.start(0);
    if (this.#options.deadAccount === true) this.callers.start(1, true);
    await sleep(AROUND);
    const former = [...this.pods];
    for (const [index, pod] of former.entries()) {
      await this.#add();
      tally.equal(`pod ${index + 1} ends by itself`, await pod.delete(), 0);
      this.pods.delete(pod);
      if (index === 0) await between?.();
    }
    await sleep(AROUND);
    await this.callers.stop();
  }

  /** A new configuration for all pods, as the kubelet writes it; those that come later have it from their start. */
  mount(change: Readonly<Record<string, unknown>>): void {
    this.#config = { ...this.#config, ...change };
    for (const pod of this.pods) pod.mount(this.#config);
  }

  /** The routes as they are, and one more to the first account. */
  routesWith(prefix: string): unknown[] {
    return [...(this.#config['routes'] as unknown[]), { prefix, upstream: this.sandbox.urls.chatapp, account: 'crm0' }];
  }

  /** Judges by the ledger of the upstream and its token endpoint. In a line: figures. */
  judge(tally: Tally): string {
    const { ledger } = this.sandbox;
    const healthy = this.callers.calls.filter(({ account }) => account === 0);
    const failed = healthy.filter(({ status }) => status !== 200);
    const carriedOut = new Map<string, number>();
    for (const { requestId, outcome } of ledger.entries({ kind: 'api' }))
      if (requestId !== null && outcome === 'ok') carriedOut.set(requestId, (carriedOut.get(requestId) ?? 0) + 1);
    const twice = [...carriedOut.values()].filter((times) => times > 1).length;
    const lost = healthy.filter(({ id, status }) => status === 200 && !carriedOut.has(id)).length;
    const logins = ledger.count({ kind: 'login', where: ({ outcome }) => outcome === 'ok' });
    const refused = ledger.count({ kind: 'login', where: ({ outcome }) => outcome !== 'ok' });

    tally.count('no request of the healthy account failed', inWords(failed));
    tally.equal('none was carried out twice', twice, 0);
    tally.equal('each success was carried out', lost, 0);
    tally.equal('one login, that of the first request', logins, 1);
    tally.equal('a refused password was sent once', refused, this.#options.deadAccount === true ? 1 : 0);
    tally.equal('there was a ready pod for every connection', this.#service.refused, 0);
    tally.count('there was load', healthy.length > 300 ? undefined : `only ${healthy.length} requests`);
    return `${healthy.length} requests, ${failed.length} failed, ${twice} carried out twice, ${logins - 1} further logins`;
  }

  async #add(): Promise<void> {
    this.#count += 1;
    const pod = await Pod.start(`pod-${this.#count}`, this.#folder, this.#readiness, this.#config);
    this.pods.add(pod);
    await pod.ready();
  }

  #first(): Readonly<Record<string, unknown>> {
    const { urls, credentials } = this.sandbox;
    const right = credentials.chatapp;
    const wrong = { ...right, password: 'not-the-password' };
    const all = this.#options.deadAccount === true ? [right, wrong] : [right];
    return {
      store: { ...this.#options.store, key: this.#key },
      callers: 'none',
      watch: true,
      accounts: Object.fromEntries(
        all.map((given, number) => [`crm${number}`, { flow: 'chatapp', baseUrl: urls.chatapp, credentials: given }]),
      ),
      routes: all.map((_, number) => ({ prefix: `/${number}`, upstream: urls.chatapp, account: `crm${number}` })),
      shutdown: this.#shutdown,
      log: { level: 'warn' },
    };
  }
}

/** The readiness probe and the time to stop that the chart gives pods over Redis. */
function fromChart(): { readonly readiness: Readiness; readonly shutdown: object } {
  const objects = rendered(VALUES);
  const { spec } = objects.find(({ kind }) => kind === 'Deployment')!;
  const { containers } = (spec as { template: { spec: { containers: { readinessProbe: object }[] } } }).template.spec;
  const { httpGet, ...times } = containers[0]!.readinessProbe as { httpGet: { path: string } } & Omit<
    Readiness,
    'path'
  >;
  const config = objects.find(({ kind, data }) => kind === 'ConfigMap' && data?.['proxy.config.yaml'] !== undefined)!;
  const { shutdown } = parse(config.data!['proxy.config.yaml']!) as { shutdown: object };
  return { readiness: { ...times, path: httpGet.path }, shutdown };
}
