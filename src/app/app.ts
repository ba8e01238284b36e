import type { AddressInfo } from 'node:net';
import type { LoadedConfig } from '../config/load.ts';
import { OPERATOR_STOP_MS } from '../deadlines.ts';
import { freeSocketFile } from '../http/server/socket-file.ts';
import { build, type Dependencies } from './build.ts';
import { OperatorPort } from './operator-port.ts';
import { serveProxy, type Worker } from './serve-proxy.ts';

/** A running tokenward. */
export interface App extends Worker {
  readonly operatorAddress: AddressInfo;
}

/** What the program provides to the process with the operator port. */
export interface AppDependencies extends Dependencies {
  /** It listens already. Default: one of its own. */
  readonly operatorPort?: OperatorPort;
}

/**
 * Builds everything from a configuration and starts it. Rejects with an error that names what cannot be used (file,
 * store, listener), leaving nothing open.
 */
export async function startApp(config: LoadedConfig, dependencies: AppDependencies): Promise<App> {
  const { log, clock, configControl, startup, sockets } = dependencies;
  const operatorPort =
    dependencies.operatorPort ??
    (await OperatorPort.open(config.operator, { log, clock, sockets, reason: () => startup?.reason }));
  try {
    const parts = await build(config, dependencies);
    try {
      for (const { socket } of config.listeners)
        if (socket !== undefined && sockets?.hasPath(socket) !== true) await freeSocketFile(socket, 'proxy');
      const worker = await serveProxy(parts, sockets);
      operatorPort.show(parts.view, config.operator, configControl);
      return {
        ...worker,
        operatorAddress: operatorPort.address,
        async stop(how) {
          await worker.stop(how);
          await operatorPort.close(OPERATOR_STOP_MS);
        },
      };
    } catch (error) {
      await parts.close();
      throw error;
    }
  } catch (error) {
    await operatorPort.close();
    throw error;
  }
}

/** The same without an operator port, for a worker: the primary has the port. */
export async function startWorker(config: LoadedConfig, dependencies: Dependencies): Promise<Worker> {
  const parts = await build(config, dependencies);
  try {
    return await serveProxy(parts, dependencies.sockets);
  } catch (error) {
    await parts.close();
    throw error;
  }
}
