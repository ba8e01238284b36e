import cluster from 'node:cluster';
import { startWorker } from '../app/app.ts';
import type { Dependencies } from '../app/build.ts';
import { InheritedSockets } from '../app/inherited-sockets.ts';
import type { Worker } from '../app/serve-proxy.ts';
import { Startup } from '../app/startup.ts';
import type { AccessOutput } from '../access-log.ts';
import type { LoadedConfig } from '../config/load.ts';
import { TokenwardError } from '../errors.ts';
import { createLogger, describeFault, type Logger } from '../log.ts';
import type { Paint } from '../pretty-line.ts';
import {
  packError,
  unpackConfig,
  type WorkerResults,
  type WorkerRequest,
  type ToPrimary,
  type ToWorker,
} from './messages.ts';

/** What the command line provides to a worker. */
interface WorkerHost {
  readonly dependencies: Pick<Dependencies, 'owner' | 'ownerIsGone'>;
  /** The message and exit code of a failed start, as for a single process. */
  explain(error: unknown): { readonly message: string; readonly exitCode: number };
  exit(code: number): void;
  /** Where the worker's lines go, and how they look. `paint`: undefined for JSON. */
  output(config: LoadedConfig): { readonly paint: Paint | undefined; readonly access: AccessOutput };
}

/** A running worker process, which a signal or a fault can stop. */
interface RunningWorker {
  readonly log: Logger;
  stop(why: string, code: number): void;
}

/** Runs a worker process: waits for its configuration, serves clients, and responds to the primary. */
export async function runWorker(host: WorkerHost): Promise<RunningWorker> {
  const self = cluster.worker!;
  const start = await new Promise<ToWorker & { type: 'start' }>((resolve) => {
    self.once('message', (message: ToWorker) => resolve(message as ToWorker & { type: 'start' }));
    void send({ type: 'online' });
  });
  process.umask(start.umask);
  const config = unpackConfig(start.config);
  const { paint, access } = host.output(config);
  const log = createLogger(config.log.level, { worker: start.slot }, paint);
  let listener: ((account: string) => void) | undefined;
  const bus = {
    announce: (account: string) => void send({ type: 'changed', account }),
    listen: (onChanged: (account: string) => void) => void (listener = onChanged),
  };
  const startup = new Startup({
    limitMs: start.waitMs,
    log,
    onWaiting: (reason) => void send({ type: 'waiting', ...(reason !== undefined && { reason }) }),
  });
  let worker: Worker;
  try {
    worker = await startWorker(config, {
      ...host.dependencies,
      log,
      bus,
      viaName: start.viaName,
      access,
      worker: start.slot,
      startup,
      sockets: new InheritedSockets(start.sockets),
    });
  } catch (error) {
    await send({ type: 'failed', ...host.explain(error) });
    host.exit(1);
    throw error;
  }

  let stopping = false;
  const stop = (why: string, code: number, replaced = false): void => {
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal: why });
    worker.stop({ replaced }).then(
      async () => {
        const metrics = await worker.metrics.registry.getMetricsAsJSON();
        await send({ type: 'final-metrics', metrics, routes: worker.view.routes() });
        host.exit(code);
      },
      (error: unknown) => {
        log.error('could not stop cleanly', { detail: describeFault(error) });
        host.exit(1);
      },
    );
  };
  // Without its primary a worker gets no connections. Node would end it at once, perhaps during a renewal.
  self.exitedAfterDisconnect = true;
  self.on('disconnect', () => stop('disconnect', 1));
  self.on('message', (message: ToWorker) => {
    if (message.type === 'changed') listener?.(message.account);
    else if (message.type === 'stop') stop(message.replaced ? 'replaced' : 'primary', 0, message.replaced);
    else if (message.type === 'ask') void answer(worker, message.id, message.question, stopping, log);
  });
  await send({ type: 'ready', addresses: worker.proxyAddresses });
  return { log, stop };
}

async function answer(
  { view, metrics }: Worker,
  id: number,
  request: WorkerRequest,
  stopping: boolean,
  log: Logger,
): Promise<void> {
  try {
    let value: WorkerResults[WorkerRequest['kind']];
    // A stopping worker may have closed its store, so it responds from memory.
    if (request.kind === 'metrics') {
      value = await (stopping ? metrics.registry.getMetricsAsJSON() : view.metricsJson());
    } else if (request.kind === 'state') {
      value = await view.state({ ...request.options, counts: request.options.counts === true && !stopping });
    } else if (request.kind === 'index') value = await view.packedStates();
    else if (request.kind === 'statuses') value = await view.statuses(request.names);
    else value = (await view.renew(request.account, request.options)) ?? null;
    await send({ type: 'answer', id, value });
  } catch (error) {
    if (!(error instanceof TokenwardError)) {
      log.error('unexpected fault while responding to the primary', {
        kind: request.kind,
        detail: describeFault(error),
      });
    }
    await send({ type: 'refusal', id, ...packError(error) });
  }
}

/** Resolves when the message is sent or cannot be. */
function send(message: ToPrimary): Promise<void> {
  return new Promise((resolve) => {
    const self = cluster.worker!;
    if (!self.isConnected()) resolve();
    else self.send(message, () => resolve());
  });
}
