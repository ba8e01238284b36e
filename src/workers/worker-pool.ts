import cluster from 'node:cluster';
import type { InheritedSocket } from '../app/inherited-sockets.ts';
import type { ProxyAddress } from '../app/proxy-address.ts';
import { newViaName } from '../app/via-name.ts';
import type { LoadedConfig } from '../config/load.ts';
import { WORKER_STOP_MS } from '../deadlines.ts';
import { setSocketUmask } from '../http/server/socket-file.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { packConfig } from './messages.ts';
import { emptySlot, recordCrash, type Slot } from './slot.ts';
import { EndedMinutes } from './ended-minutes.ts';
import { MetricsSum } from './sum.ts';
import { WorkerProcess } from './worker-process.ts';
import { WorkerStartError } from './worker-start-error.ts';

/** The worker processes: replaced when they crash, and one by one at a reload. */
export class WorkerPool {
  readonly metrics: Metrics;
  readonly sum = new MetricsSum();
  /** The last hour of workers that have ended. */
  readonly minutes = new EndedMinutes();
  readonly #log: Logger;
  readonly #sockets: readonly InheritedSocket[];
  readonly #viaName = newViaName();
  readonly #slots: Slot[] = [];
  /** All processes, including starting and leaving ones. */
  readonly #alive = new Set<WorkerProcess>();
  /** The umask that the process was started with. */
  readonly #umask = process.umask(0o077);
  #config: LoadedConfig;
  #packed: string;
  #started = false;
  #stopping = false;

  constructor(config: LoadedConfig, metrics: Metrics, log: Logger, sockets: readonly InheritedSocket[] = []) {
    this.#sockets = sockets;
    this.#config = config;
    this.#packed = packConfig(config);
    this.metrics = metrics;
    this.#log = log;
    // In turn, this process accepts each connection and hands it to the next worker. The kernel gives most of a burst
    // to one worker: of 32 connections that are kept, at times all, while another core is idle (docs/workers.md).
    // Sockets that outlive the process are never shared in turn: at a stop, node:cluster closes connections that the
    // primary has accepted and no worker has taken. What no worker accepts stays in the kernel's queue.
    const isInTurn = config.workerConnections === 'in-turn' && sockets.length === 0;
    cluster.schedulingPolicy = isInTurn ? cluster.SCHED_RR : cluster.SCHED_NONE;
    this.#setUmask(config);
  }

  /**
   * This process binds the workers' listeners, at a time that node:cluster chooses. So its umask is always the one for
   * the socket's mode; it makes no other files. Of several sockets it is for what all their modes allow: the worker
   * sets each socket's own mode at once.
   */
  #setUmask({ listeners }: LoadedConfig): void {
    const modes = listeners.flatMap(({ socket, socketMode }) => (socket === undefined ? [] : [socketMode]));
    if (modes.length === 0) process.umask(this.#umask);
    else setSocketUmask(modes.reduce((common, mode) => common & mode));
  }

  /**
   * Starts `count` workers. Rejects with a WorkerStartError, leaving none, if one of them cannot start or `halt`
   * aborts. `waitMs`: how long they may wait for Redis or a file; those that replace them later have all of
   * `startup.wait`.
   */
  async start(count: number, halt: AbortSignal, waitMs?: number): Promise<readonly ProxyAddress[]> {
    const stop = (): void => void this.stop();
    const throwIfHalted = (): void => {
      if (halt.aborted) throw new WorkerStartError('The start was stopped.', 1);
    };
    halt.addEventListener('abort', stop);
    for (let number = 1; number <= count; number += 1) this.#slots.push(emptySlot(number));
    try {
      // One before the others: it makes the store if there is none, and an error is reported once.
      const [first, ...others] = this.#slots as [Slot, ...Slot[]];
      throwIfHalted();
      const addresses = await this.#fill(first, this.#packed, waitMs).ready;
      throwIfHalted();
      await Promise.all(others.map((slot) => this.#fill(slot, this.#packed, waitMs).ready));
      this.#started = true;
      // Workers that ended before `#started` was set.
      for (const slot of this.#slots) if (slot.worker?.state === 'gone') this.#replace(slot);
      return addresses;
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      halt.removeEventListener('abort', stop);
    }
  }

  /** All processes, including leaving ones. */
  get workers(): readonly WorkerProcess[] {
    return [...this.#alive];
  }

  /** The slots without a serving worker. */
  get missing(): number[] {
    return this.#slots.filter(({ worker }) => worker?.state !== 'up').map(({ number }) => number);
  }

  /** Whether all workers have been up. */
  get started(): boolean {
    return this.#started;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  get config(): LoadedConfig {
    return this.#config;
  }

  /**
   * Replaces the workers one by one: a new one, with this configuration, serves before the old one stops. If the first
   * new one cannot start, nothing has changed. False: the program began to stop in between. Rejects with a
   * WorkerStartError.
   */
  async replaceAll(config: LoadedConfig, count: number): Promise<boolean> {
    const packed = packConfig(config);
    this.#setUmask(config);
    const isStopping = (): boolean => this.#stopping;
    for (let number = this.#slots.length + 1; number <= count; number += 1) this.#slots.push(emptySlot(number));
    try {
      for (const slot of this.#slots.slice(0, count)) {
        if (isStopping()) return false;
        // Whoever asks for a reload gets the answer at once, and the old ones serve on.
        const fresh = this.#launch(slot.number, packed, 0);
        await fresh.ready;
        if (isStopping()) return false;
        const old = slot.worker;
        clearTimeout(slot.timer);
        slot.timer = undefined;
        slot.worker = fresh;
        slot.crashes = 0;
        // The configuration works: later replacements get it too.
        this.#config = config;
        this.#packed = packed;
        this.#watch(slot, fresh);
        await old?.stop(true, config.shutdown.drain + WORKER_STOP_MS);
      }
    } catch (error) {
      this.#setUmask(this.#config);
      // Slots that were added for this reload.
      while (this.#slots.at(-1)?.worker === undefined && this.#slots.at(-1)?.timer === undefined) this.#slots.pop();
      throw error;
    }
    const surplus = this.#slots.splice(count);
    for (const { timer } of surplus) clearTimeout(timer);
    await Promise.all(surplus.map(async ({ worker }) => worker?.stop(true, config.shutdown.drain + WORKER_STOP_MS)));
    return true;
  }

  /** Stops all workers in an orderly way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { timer } of this.#slots) clearTimeout(timer);
    const { delay, drain } = this.#config.shutdown;
    await Promise.all(this.workers.map((worker) => worker.stop(false, delay + drain + WORKER_STOP_MS)));
  }

  #fill(slot: Slot, packed: string, waitMs = this.#config.startup.wait): WorkerProcess {
    const worker = this.#launch(slot.number, packed, waitMs);
    slot.worker = worker;
    this.#watch(slot, worker);
    return worker;
  }

  #launch(slot: number, packed: string, waitMs: number): WorkerProcess {
    const start = {
      type: 'start',
      slot,
      config: packed,
      viaName: this.#viaName,
      umask: this.#umask,
      sockets: this.#sockets,
      waitMs,
    } as const;
    const worker = new WorkerProcess(cluster.fork(), start, (account, from) => {
      for (const other of this.#alive) if (other !== from) other.send({ type: 'changed', account });
    });
    this.#alive.add(worker);
    void worker.gone.then(() => {
      this.#alive.delete(worker);
      this.sum.addEnded(worker.lastMetrics);
      this.minutes.addEnded(worker.lastRoutes);
    });
    return worker;
  }

  /** Replaces the worker if it crashes. */
  #watch(slot: Slot, worker: WorkerProcess): void {
    void worker.gone.then(({ code, signal }) => {
      if (slot.worker !== worker || !this.#started || this.#stopping) return;
      this.metrics.workerCrashes.inc();
      this.#log.error('a worker has ended', { worker: slot.number, detail: signal ?? `exit code ${code ?? '?'}` });
      this.#replace(slot);
    });
  }

  #replace(slot: Slot): void {
    const pause = recordCrash(slot);
    slot.timer = setTimeout(() => {
      slot.timer = undefined;
      this.#fill(slot, this.#packed).ready.then(
        () => this.#log.info('a new worker is up', { worker: slot.number }),
        (error: unknown) => {
          const detail = error instanceof Error ? error.message : '';
          this.#log.error('a worker could not start', { worker: slot.number, detail });
        },
      );
    }, pause);
  }
}
