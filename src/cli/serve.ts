import cluster from 'node:cluster';
import { startApp, type App } from '../app/app.ts';
import { InheritedSockets } from '../app/inherited-sockets.ts';
import { leaseOwner, ownerIsGone } from '../app/process-identity.ts';
import { bracketed, showProxyAddresses } from '../app/proxy-address.ts';
import { Reloader, type ReloadTarget } from '../app/reloader.ts';
import { describeStart } from '../app/start-line.ts';
import { Startup } from '../app/startup.ts';
import { SourceWatch } from '../app/watch-sources.ts';
import { loadConfig, showIssue, type LoadedConfig } from '../config/load.ts';
import { keysThatNeedRestartOfAll } from '../config/reloadable.ts';
import { createLogger, describeFault, type Logger } from '../log.ts';
import { startPool, workerCount, type RunningPool } from '../workers/serve.ts';
import { explainReload } from './exit.ts';
import { loadForStart, type LoadedForStart } from './load-for-start.ts';
import { Notifier } from './notify.ts';
import { configFile, type ConfigOptions } from './options.ts';
import { outputOf } from './output.ts';
import { serveAsWorker } from './serve-as-worker.ts';
import { handleSignals, type HandledSignal } from './signals.ts';
import { stopOnFault } from './stop-on-fault.ts';

/** `tokenward serve`: the proxy, until a signal or a fault ends it. */
export async function serve(options: ConfigOptions): Promise<void> {
  if (cluster.isWorker) return serveAsWorker();
  const file = configFile(options);
  // A reload needs the variables again; child processes do not get them.
  const sockets = InheritedSockets.take(process.env);
  const environment = { ...process.env };
  const read = (): LoadedConfig => {
    const loaded = loadConfig(file, environment);
    for (const name of loaded.secretVariables) Reflect.deleteProperty(process.env, name);
    return loaded;
  };
  const halt = new AbortController();
  // The log begins with the configuration, so until then a signal is only noted.
  const early: HandledSignal[] = [];
  handleSignals((signal) => {
    early.push(signal);
    if (signal !== 'SIGHUP') halt.abort();
  });
  let loaded: LoadedForStart;
  try {
    loaded = await loadForStart(read, sockets, halt.signal);
  } catch (error) {
    // A start that was stopped does not report errors.
    if (halt.signal.aborted) return process.exit(0);
    throw error;
  }
  if (halt.signal.aborted) return process.exit(0);
  const { config, waited } = loaded;
  const { paint, access } = outputOf(config);
  const log = createLogger(config.log.level, {}, paint);
  logWarnings(config, file, log);
  requireUseOf(sockets, config);
  const notifier = new Notifier(process.env, log);
  const startup = waited?.startup ?? new Startup({ limitMs: config.startup.wait, log, signal: halt.signal });
  const operatorPort = waited?.operatorPort;
  const reloader = new Reloader({ config, read, log, explain: explainReload });
  const starting =
    workerCount(config) > 1
      ? startPool(config, log, halt.signal, {
          control: reloader,
          onDrain: () => stop('operator', 0),
          sockets,
          waitMs: startup.leftMs,
          ...(operatorPort && { operatorPort }),
        })
      : startApp(config, {
          log,
          owner: leaseOwner(),
          ownerIsGone,
          access,
          configControl: reloader,
          onDrain: () => stop('operator', 0),
          startup,
          sockets,
          ...(operatorPort && { operatorPort }),
        });

  let stopping = false;
  const isStopping = (): boolean => stopping;
  const stop = (why: string, code: number): void => {
    // A second signal does not shorten the stop.
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal: why });
    void notifier.stopping();
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
  // A SIGHUP during the start waits until the log line that it is over; a failed start reports itself.
  handleSignals((signal) => (signal === 'SIGHUP' ? void reloader.reload('signal') : stop(signal, 0)));
  if (early.includes('SIGHUP')) void reloader.reload('signal');
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
  reloader.begin('replaceWorkers' in running ? poolTarget(running) : appTarget(running, fault));
  watchSources(reloader);
  void notifier.ready(`serving on ${showProxyAddresses(proxyAddresses)}`);
}

/** How long a start may still take after a signal to stop. ms. */
const START_ENDS_MS = 5_000;

/** Throws a ListenError if a socket that systemd passes belongs to no listener. */
function requireUseOf(sockets: InheritedSockets, { listeners, operator }: LoadedConfig): void {
  sockets.requireUse([
    { name: 'operator', host: operator.host, port: operator.port },
    ...listeners.map(({ host, port, socket }) => ({ name: 'proxy', host, port, socket })),
  ]);
}

/** One process takes another configuration over while it serves. */
function appTarget({ prepare }: App, fault: (error: unknown) => void): ReloadTarget {
  return {
    async apply(next) {
      const prepared = await prepare(next);
      try {
        prepared.use();
      } catch (error) {
        // Half of it is in use.
        fault(error);
        throw error;
      }
    },
  };
}

/** With workers, new ones begin with it. */
function poolTarget(pool: RunningPool): ReloadTarget {
  return { apply: (next) => pool.replaceWorkers(next), keysThatNeedRestart: keysThatNeedRestartOfAll };
}

/** Reloads when a file changes, while the configuration says so. */
function watchSources(reloader: Reloader): void {
  const watch = new SourceWatch(() => void reloader.reload('file'));
  const begin = (stamps: ReadonlyMap<string, string>): void =>
    watch.watch(reloader.config.watch ? stamps : new Map<string, string>());
  reloader.onReload = begin;
  begin(reloader.config.source.stamps);
}

function logWarnings({ warnings }: LoadedConfig, file: string, log: Logger): void {
  for (const warning of warnings) {
    log.warn('the configuration is probably not as intended', { file, detail: showIssue(warning) });
  }
}
