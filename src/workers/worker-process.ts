import type { Worker as ClusterWorker } from 'node:cluster';
import type { ProxyAddress } from '../app/proxy-address.ts';
import { FINAL_MESSAGES_MS, RENEW_RESPONSE_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import type { ProcessRoute, ProcessState } from '../operator/status-document.ts';
import type { MetricsJson } from '../operator/view.ts';
import type { WorkerResults, WorkerRequest, ToPrimary, ToWorker } from './messages.ts';
import { WorkerStartError } from './worker-start-error.ts';

/** How long a new worker may take until it serves, besides what it waits for. ms. */
const MAX_START_MS = 60_000;
/** How long a worker may take for a response from its memory. ms. */
const MAX_RESPONSE_MS = 2_000;

/** How a worker ended. */
interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** One worker process, as the primary sees it. */
export class WorkerProcess {
  readonly slot: number;
  /** Rejects with a WorkerStartError. */
  readonly ready: Promise<readonly ProxyAddress[]>;
  readonly gone: Promise<WorkerEnd>;
  state: 'starting' | 'up' | 'leaving' | 'gone' = 'starting';
  /** Monotonic ms; undefined: it was never ready. */
  readyAt: number | undefined;
  /** Where it listens, once it serves. */
  addresses: readonly ProxyAddress[] = [];
  /** Its metrics at the last request for them. */
  lastMetrics: MetricsJson = [];
  /** Its routes at the last request for its state. */
  lastRoutes: readonly ProcessRoute[] = [];
  /** What its start waits for. */
  waitsFor: string | undefined;
  readonly #worker: ClusterWorker;
  readonly #pending = new Map<number, (message: ToPrimary | undefined) => void>();
  #lastId = 0;

  constructor(
    worker: ClusterWorker,
    start: ToWorker & { type: 'start' },
    onChanged: (account: string, from: WorkerProcess) => void,
  ) {
    this.#worker = worker;
    this.slot = start.slot;
    let resolveReady!: (addresses: readonly ProxyAddress[]) => void;
    let rejectReady!: (error: WorkerStartError) => void;
    this.ready = new Promise((resolve, reject) => {
      resolveReady = resolve;
      rejectReady = reject;
    });
    // Without an awaiter a rejection is no fault.
    this.ready.catch(() => undefined);
    const maxStartMs = MAX_START_MS + start.waitMs;
    const startTimer = setTimeout(() => {
      rejectReady(new WorkerStartError(`Worker ${this.slot} was not ready within ${maxStartMs / 1000} s.`, 1));
      this.kill();
    }, maxStartMs);
    worker.on('message', (message: ToPrimary) => {
      if (message.type === 'online') this.send(start);
      else if (message.type === 'ready') {
        clearTimeout(startTimer);
        if (this.state === 'starting') this.state = 'up';
        this.readyAt = performance.now();
        this.addresses = message.addresses;
        resolveReady(message.addresses);
      } else if (message.type === 'waiting') this.waitsFor = message.reason;
      else if (message.type === 'failed') rejectReady(new WorkerStartError(message.message, message.exitCode));
      else if (message.type === 'changed') onChanged(message.account, this);
      else if (message.type === 'final-metrics') {
        this.lastMetrics = message.metrics;
        this.lastRoutes = message.routes;
      } else this.#pending.get(message.id)?.(message);
    });
    // A message to a worker that ends: 'exit' reports the same.
    worker.on('error', () => undefined);
    const disconnected = new Promise<void>((resolve) => void worker.once('disconnect', resolve));
    this.gone = new Promise((resolve) => {
      worker.once('exit', (code: number | null, signal: string | null) => {
        clearTimeout(startTimer);
        // Its last messages may be read only after that. The channel to a worker that was killed while a connection was
        // handed to it does not report its end, and the connection would stay open until the client gives up.
        const disconnectTimer = setTimeout(
          () => worker.isConnected() && worker.process.disconnect(),
          FINAL_MESSAGES_MS / 2,
        );
        void Promise.race([disconnected, new Promise((settle) => void setTimeout(settle, FINAL_MESSAGES_MS))]).then(
          () => {
            clearTimeout(disconnectTimer);
            this.state = 'gone';
            const how = signal ?? `exit code ${code ?? '?'}`;
            rejectReady(new WorkerStartError(`Worker ${this.slot} ended before it was ready (${how}).`, 1));
            for (const settle of [...this.#pending.values()]) settle(undefined);
            resolve({ code, signal });
          },
        );
      });
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** Undefined: it has ended, or takes too long. Rejects with the worker's TokenwardError. */
  async request<K extends WorkerRequest['kind']>(
    request: WorkerRequest & { kind: K },
  ): Promise<WorkerResults[K] | undefined> {
    const id = (this.#lastId += 1);
    const message = await new Promise<ToPrimary | undefined>((resolve) => {
      const timer = setTimeout(() => settle(undefined), request.kind === 'renew' ? RENEW_RESPONSE_MS : MAX_RESPONSE_MS);
      const settle = (answer: ToPrimary | undefined): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(answer);
      };
      this.#pending.set(id, settle);
      if (!this.send({ type: 'ask', id, question: request })) settle(undefined);
    });
    if (message?.type === 'refusal') throw new TokenwardError(message.code, message);
    if (message?.type !== 'answer') return undefined;
    const answer = message.value as WorkerResults[K];
    if (request.kind === 'metrics') this.lastMetrics = answer as MetricsJson;
    else if (request.kind === 'state') this.lastRoutes = (answer as ProcessState).routes;
    return answer;
  }

  /** False: the worker cannot be reached. */
  send(message: ToWorker): boolean {
    if (this.state === 'gone' || !this.#worker.isConnected()) return false;
    this.#worker.send(message, () => undefined);
    return true;
  }

  /** Stops the worker in an orderly way; kills it if that takes longer than `limitMs`. */
  async stop(replaced: boolean, limitMs: number): Promise<void> {
    if (this.state === 'gone') return;
    // A worker that does not serve yet has nothing to finish, and does not handle this message.
    const serves = this.readyAt !== undefined;
    this.state = 'leaving';
    if (!serves || !this.send({ type: 'stop', replaced })) this.kill();
    const timer = setTimeout(() => this.kill(), limitMs);
    await this.gone;
    clearTimeout(timer);
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }
}
