import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { engineOf } from '../app/front.ts';
import type { InheritedSockets } from '../app/inherited-sockets.ts';
import { OperatorPort } from '../app/operator-port.ts';
import type { LoadedConfig } from '../config/load.ts';
import { OPERATOR_STOP_MS } from '../deadlines.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics.ts';
import type { ProxyAddress } from '../app/proxy-address.ts';
import { freeSocketFile } from '../http/server/socket-file.ts';
import type { ConfigControl } from '../operator/config-status.ts';
import { systemClock } from '../tokens/clock.ts';
import { VERSION } from '../version.ts';
import { WorkerPool } from './worker-pool.ts';
import { PoolView } from './worker-pool-view.ts';
import { WorkerStartError } from './worker-start-error.ts';

/** A running primary process. */
export interface RunningPool {
  /** By listener. */
  readonly proxyAddresses: readonly ProxyAddress[];
  readonly operatorAddress: AddressInfo;
  /**
   * Replaces the workers one by one by new ones with this configuration. Rejects with a WorkerStartError or a
   * ListenError; if the first new one could not start, nothing has changed then.
   */
  replaceWorkers(config: LoadedConfig): Promise<void>;
  stop(): Promise<void>;
}

/** The number of worker processes in a configuration. */
export function workerCount({ workers }: LoadedConfig): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/** What the operator port can do to the whole program. */
export interface PoolActions {
  /** The configuration's state and its reload. Undefined: it cannot be reloaded. */
  readonly control?: ConfigControl;
  /** Begins an orderly stop. */
  readonly onDrain?: () => void;
  /** Listening sockets that the process was started with. */
  readonly sockets?: InheritedSockets;
  /** How long the first workers may wait for Redis or a file. ms. Default: what the configuration says. */
  readonly waitMs?: number;
  /** It listens already. Default: one of the pool's own. */
  readonly operatorPort?: OperatorPort;
}

/**
 * Starts the operator port and the workers. Rejects with a ListenError or a WorkerStartError, leaving nothing open;
 * with the latter also if `halt` aborts the start. `onDrain`: an operator asks for the program's end.
 */
export async function startPool(
  config: LoadedConfig,
  log: Logger,
  halt: AbortSignal,
  { control, onDrain, sockets, ...given }: PoolActions = {},
): Promise<RunningPool> {
  const pool = new WorkerPool(config, new Metrics(VERSION, engineOf(config.listeners)), log, sockets?.all);
  const view = new PoolView(pool, systemClock, control, onDrain);
  const operatorPort = given.operatorPort ?? (await OperatorPort.open(config.operator, { log, sockets }));
  // Its view knows workers that start, and what they wait for.
  operatorPort.show(view, config.operator, control);
  let proxyAddresses: readonly ProxyAddress[];
  try {
    await freeNewSockets(config, pool, sockets);
    proxyAddresses = await pool.start(workerCount(config), halt, given.waitMs);
  } catch (error) {
    await operatorPort.close();
    throw error;
  }
  return {
    proxyAddresses,
    operatorAddress: operatorPort.address,
    replaceWorkers: (next) => replaceWorkers(pool, next, log, sockets),
    async stop() {
      await pool.stop();
      await operatorPort.close(OPERATOR_STOP_MS);
    },
  };
}

/** Removes stale socket files. A socket on which workers listen already is kept, for the new ones too. */
async function freeNewSockets(
  { listeners }: LoadedConfig,
  pool: WorkerPool,
  sockets: InheritedSockets | undefined,
): Promise<void> {
  const used = new Set(pool.workers.flatMap(({ addresses }) => addresses.flatMap(({ socket }) => socket ?? [])));
  for (const { socket } of listeners)
    if (socket !== undefined && !used.has(socket) && sockets?.hasPath(socket) !== true)
      await freeSocketFile(socket, 'proxy');
}

async function replaceWorkers(
  pool: WorkerPool,
  config: LoadedConfig,
  log: Logger,
  sockets: InheritedSockets | undefined,
): Promise<void> {
  const count = workerCount(config);
  log.info('replacing the workers', { detail: String(count) });
  try {
    await freeNewSockets(config, pool, sockets);
    if (!(await pool.replaceAll(config, count))) throw new WorkerStartError('tokenward is stopping.', 1);
    log.info('all workers run the current configuration');
  } catch (error) {
    if (pool.config !== config || !(error instanceof Error)) throw error;
    throw new WorkerStartError(`not all workers are replaced, a new one could not start: ${error.message}`, 1);
  }
}
