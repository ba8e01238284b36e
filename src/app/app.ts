import type { AddressInfo } from 'node:net';
import type { LoadedConfig } from '../config/load.ts';
import { OPERATOR_STOP_MS } from '../deadlines.ts';
import { drain } from '../http/server/drain.ts';
import { listen } from '../http/server/listen.ts';
import { freeSocketFile } from '../http/server/socket-file.ts';
import { build, type Dependencies } from './build.ts';
import { operatorPort } from './operator-port.ts';
import { serveProxy, type Worker } from './serve-proxy.ts';

/** A running tokenward. */
export interface App extends Worker {
  readonly operatorAddress: AddressInfo;
}

/**
 * Builds everything from a configuration and starts it. Rejects with an error that names what cannot be used (file,
 * store, listener), leaving nothing open.
 */
export async function startApp(config: LoadedConfig, dependencies: Dependencies): Promise<App> {
  const parts = await build(config, dependencies);
  const operatorServer = operatorPort(
    parts.view,
    dependencies.log,
    config,
    dependencies.configControl,
    dependencies.clock,
  );
  try {
    const operatorAddress = await listen(operatorServer, config.operator.host, config.operator.port, 'operator');
    for (const { socket } of config.listeners) if (socket !== undefined) await freeSocketFile(socket, 'proxy');
    const worker = await serveProxy(parts);
    return {
      ...worker,
      operatorAddress,
      async stop(how) {
        await worker.stop(how);
        await drain(operatorServer, OPERATOR_STOP_MS);
      },
    };
  } catch (error) {
    operatorServer.close();
    await parts.close();
    throw error;
  }
}

/** The same without an operator port, for a worker: the primary has the port. */
export async function startWorker(config: LoadedConfig, dependencies: Dependencies): Promise<Worker> {
  const parts = await build(config, dependencies);
  try {
    return await serveProxy(parts);
  } catch (error) {
    await parts.close();
    throw error;
  }
}
