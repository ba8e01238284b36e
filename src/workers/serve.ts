import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { availableParallelism } from 'node:os';
import { engineOf } from '../app/front.ts';
import { operatorPort } from '../app/operator-port.ts';
import type { LoadedConfig } from '../config/load.ts';
import { OPERATOR_STOP_MS } from '../deadlines.ts';
import type { Logger } from '../log.ts';
import { Metrics } from '../metrics.ts';
import type { ProxyAddress } from '../app/proxy-address.ts';
import { drain } from '../http/server/drain.ts';
import { listen, ListenError } from '../http/server/listen.ts';
import { freeSocketFile } from '../http/server/socket-file.ts';
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
   * Replaces the workers one by one. `read` returns the configuration; if it throws, nothing changes. One reload at a
   * time: the next waits.
   */
  reload(read: () => LoadedConfig): Promise<void>;
  stop(): Promise<void>;
}

/** The number of worker processes in a configuration. */
export function workerCount({ workers }: LoadedConfig): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/**
 * Starts the operator port and the workers. Rejects with a ListenError or a WorkerStartError, leaving nothing open;
 * with the latter also if `halt` aborts the start. `onDrain`: an operator asks for the program's end.
 */
export async function startPool(
  config: LoadedConfig,
  log: Logger,
  halt: AbortSignal,
  onDrain?: () => void,
): Promise<RunningPool> {
  const pool = new WorkerPool(config, new Metrics(VERSION, engineOf(config.listeners)), log);
  const operatorServer: Server = operatorPort(new PoolView(pool, systemClock, onDrain), log, config);
  const operatorAddress = await listen(operatorServer, config.operator.host, config.operator.port, 'operator');
  let proxyAddresses: readonly ProxyAddress[];
  try {
    await freeNewSockets(config, pool);
    proxyAddresses = await pool.start(workerCount(config), halt);
  } catch (error) {
    await drain(operatorServer, 0);
    throw error;
  }
  let reloading = Promise.resolve();
  return {
    proxyAddresses,
    operatorAddress,
    reload(read) {
      reloading = reloading.then(() => reload(pool, read, log));
      return reloading;
    },
    async stop() {
      await pool.stop();
      await drain(operatorServer, OPERATOR_STOP_MS);
    },
  };
}

/** Removes stale socket files. A socket on which workers listen already is kept, for the new ones too. */
async function freeNewSockets({ listeners }: LoadedConfig, pool: WorkerPool): Promise<void> {
  const used = new Set(pool.workers.flatMap(({ addresses }) => addresses.flatMap(({ socket }) => socket ?? [])));
  for (const { socket } of listeners)
    if (socket !== undefined && !used.has(socket)) await freeSocketFile(socket, 'proxy');
}

async function reload(pool: WorkerPool, read: () => LoadedConfig, log: Logger): Promise<void> {
  if (pool.stopping) return;
  let config: LoadedConfig;
  try {
    config = read();
  } catch (error) {
    // A ConfigError's message holds no value of the configuration.
    pool.metrics.configReloaded.set(0);
    const detail = error instanceof Error ? error.message : '';
    log.error('the configuration has errors; nothing has changed', { detail });
    return;
  }
  const { operator } = pool.config;
  if (JSON.stringify(config.operator) !== JSON.stringify(operator)) {
    log.warn('operator: a change in this section needs a restart; the operator port stays as it is');
  }
  const count = workerCount(config);
  log.info('replacing the workers', { detail: String(count) });
  try {
    await freeNewSockets(config, pool);
    const completed = await pool.replaceAll(config, count);
    if (!completed) return;
    pool.metrics.configReloaded.set(1);
    log.info('all workers run the current configuration');
  } catch (error) {
    if (!(error instanceof WorkerStartError || error instanceof ListenError)) throw error;
    pool.metrics.configReloaded.set(0);
    const detail = error.message;
    if (pool.config === config) log.error('not all workers are replaced: a new one could not start', { detail });
    else log.error('a worker with the new configuration could not start; nothing has changed', { detail });
  }
}
