import cluster from 'node:cluster';
import { startApp, type App } from '../app/app.ts';
import { leaseOwner, ownerIsGone } from '../app/process-identity.ts';
import { bracketed, showProxyAddress } from '../app/proxy-address.ts';
import { describeStart } from '../app/start-line.ts';
import { loadConfig, showIssue, type LoadedConfig } from '../config/load.ts';
import { createLogger, describeFault, type Logger } from '../log.ts';
import { startPool, workerCount, type RunningPool } from '../workers/serve.ts';
import { configFile, type Options } from './options.ts';
import { serveAsWorker } from './serve-as-worker.ts';
import { handleSignals } from './signals.ts';
import { stopOnFault } from './stop-on-fault.ts';

/** `tokenward serve`: the proxy, until a signal or a fault ends it. */
export async function serve(options: Options): Promise<void> {
  if (cluster.isWorker) return serveAsWorker();
  const file = configFile(options);
  // A reload needs them again; workers, and whoever looks into the environment of a child, do not.
  const environment = { ...process.env };
  const config = loadConfig(file, environment);
  for (const name of config.secretVariables) Reflect.deleteProperty(process.env, name);
  const log = createLogger(config.log.level);
  logWarnings(config, file, log);
  const halt = new AbortController();
  const starting =
    workerCount(config) > 1
      ? startPool(config, log, halt.signal)
      : startApp(config, { log, owner: leaseOwner(), ownerIsGone });

  let stopping = false;
  const isStopping = (): boolean => stopping;
  const stop = (why: string, code: number): void => {
    // A second signal does not shorten what must be finished.
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal: why });
    halt.abort();
    // As long as it starts, nobody is served and nothing is renewed.
    const killTimer = setTimeout(() => process.exit(code), START_ENDS_MS);
    // A start that comes to nothing has left nothing open.
    starting
      .then(
        (running) => (clearTimeout(killTimer), running.stop()),
        () => undefined,
      )
      .then(
        () => process.exit(code),
        (error: unknown) => {
          log.error('could not stop cleanly', { detail: describeFault(error) });
          process.exit(1);
        },
      );
  };
  const fault = stopOnFault(log, stop);
  let isUp!: (running: Awaited<typeof starting>) => void;
  const up = new Promise<Awaited<typeof starting>>((resolve) => (isUp = resolve));
  handleSignals((signal) => {
    if (signal !== 'SIGHUP') return stop(signal, 0);
    // One that came before the start was over waits until that has been told; one that fails says so itself.
    up.then((running) => reload(running, file, environment, log)).catch(fault);
  });
  let running: Awaited<typeof starting>;
  try {
    running = await starting;
  } catch (error) {
    // Whoever stopped it does not wait for its complaints.
    if (isStopping()) return;
    throw error;
  }
  if (isStopping()) return;
  const { proxyAddress, operatorAddress } = running;
  const detail = `operator on http://${bracketed(operatorAddress.address)}:${operatorAddress.port}`;
  log.info('tokenward is up', { address: showProxyAddress(proxyAddress), detail, ...describeStart(config, file) });
  isUp(running);
}

/** How long a start that is to be stopped may still take. ms. */
const START_ENDS_MS = 5_000;

/** SIGHUP. Rejects with a fault only. */
async function reload(
  running: App | RunningPool,
  file: string,
  environment: NodeJS.ProcessEnv,
  log: Logger,
): Promise<void> {
  if (!('reload' in running)) {
    log.warn(
      'SIGHUP: one process cannot replace itself without a gap, so nothing was read. Restart it; ' +
        'or set workers to 2 or more, then SIGHUP replaces them one by one',
      { signal: 'SIGHUP' },
    );
    return;
  }
  await running.reload(() => {
    const changed = loadConfig(file, environment);
    logWarnings(changed, file, log);
    return changed;
  });
}

function logWarnings({ warnings }: LoadedConfig, file: string, log: Logger): void {
  for (const warning of warnings) {
    log.warn('the configuration is probably not what is meant', { file, detail: showIssue(warning) });
  }
}
