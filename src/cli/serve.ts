import cluster from 'node:cluster';
import { startApp, type App } from '../app/app.ts';
import { leaseOwner, ownerIsGone } from '../app/process-identity.ts';
import { bracketed, showProxyAddresses } from '../app/proxy-address.ts';
import { describeStart } from '../app/start-line.ts';
import { loadConfig, showIssue, type LoadedConfig } from '../config/load.ts';
import { createLogger, describeFault, type Logger } from '../log.ts';
import { startPool, workerCount, type RunningPool } from '../workers/serve.ts';
import { configFile, type Options } from './options.ts';
import { outputOf } from './output.ts';
import { serveAsWorker } from './serve-as-worker.ts';
import { handleSignals } from './signals.ts';
import { stopOnFault } from './stop-on-fault.ts';

/** `tokenward serve`: the proxy, until a signal or a fault ends it. */
export async function serve(options: Options): Promise<void> {
  if (cluster.isWorker) return serveAsWorker();
  const file = configFile(options);
  // A reload needs the variables again; child processes do not get them.
  const environment = { ...process.env };
  const config = loadConfig(file, environment);
  for (const name of config.secretVariables) Reflect.deleteProperty(process.env, name);
  const { paint, access } = outputOf(config);
  const log = createLogger(config.log.level, {}, paint);
  logWarnings(config, file, log);
  const halt = new AbortController();
  const starting =
    workerCount(config) > 1
      ? startPool(config, log, halt.signal)
      : startApp(config, { log, owner: leaseOwner(), ownerIsGone, access });

  let stopping = false;
  const isStopping = (): boolean => stopping;
  const stop = (why: string, code: number): void => {
    // A second signal does not shorten the stop.
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal: why });
    halt.abort();
    // During the start no request is served and no token renewed.
    const killTimer = setTimeout(() => process.exit(code), START_ENDS_MS);
    // A failed start leaves nothing open.
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
  let resolveUp!: (running: Awaited<typeof starting>) => void;
  const up = new Promise<Awaited<typeof starting>>((resolve) => (resolveUp = resolve));
  handleSignals((signal) => {
    if (signal !== 'SIGHUP') return stop(signal, 0);
    // A SIGHUP during the start waits until the log line that it is over; a failed start reports itself.
    up.then((running) => reload(running, file, environment, log)).catch(fault);
  });
  let running: Awaited<typeof starting>;
  try {
    running = await starting;
  } catch (error) {
    // A start that was stopped does not report errors.
    if (isStopping()) return;
    throw error;
  }
  if (isStopping()) return;
  const { proxyAddresses, operatorAddress } = running;
  const detail = `operator on http://${bracketed(operatorAddress.address)}:${operatorAddress.port}`;
  log.info('tokenward is up', { address: showProxyAddresses(proxyAddresses), detail, ...describeStart(config, file) });
  resolveUp(running);
}

/** How long a start may still take after a signal to stop. ms. */
const START_ENDS_MS = 5_000;

/** Reloads the configuration on SIGHUP. Rejects only with an unexpected fault. */
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
    log.warn('the configuration is probably not as intended', { file, detail: showIssue(warning) });
  }
}
