import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startApp, type App } from './app/app.ts';
import { ImportInputError } from './cli/import-input.ts';
import { importInto, importTarget, ImportTargetError } from './cli/import.ts';
import { readSecret } from './cli/read-secret.ts';
import { ConfigError, findAccount, loadConfig, showMistake, type LoadedConfig } from './config/load.ts';
import { nearest } from './nearest.ts';
import { jsonSchema } from './config/schema.ts';
import { createLogger, describeFault, type Logger } from './log.ts';
import { operatorRenew, operatorStatus, OperatorError } from './cli/operator-client.ts';
import { leaseOwner, ownerIsGone } from './app/process-identity.ts';
import { keyDigest } from './proxy/caller.ts';
import { JwksFileError } from './proxy/jwt.ts';
import { sandboxConfig } from './sandbox/config.ts';
import { startSandbox } from './sandbox/sandbox.ts';
import { bracketed, showProxyAddress } from './app/proxy-address.ts';
import { ListenError } from './http/server/listen.ts';
import { heedSignals } from './cli/signals.ts';
import { describeStart } from './app/start-line.ts';
import { AccountBusy } from './tokens/import.ts';
import { StoreError } from './tokens/store.ts';
import { copyStore, pruneStore, rekeyStore, storeWarnings } from './app/stores.ts';
import { TlsFileError } from './http/tls.ts';
import { VERSION } from './version.ts';
import { startFleet, workerCount, type RunningFleet } from './workers/serve.ts';
import { runWorker } from './workers/worker.ts';
import { WorkerStartError } from './workers/worker-process.ts';

const HELP = `tokenward ${VERSION} - an outbound proxy that puts the right token on each request

Usage: tokenward <command> [options]

  serve     run the proxy
  check     check a configuration and say what it would do
  sandbox   run imitations of the three vendors' APIs to try the proxy with
  status    show what every credential of a running tokenward is doing
  renew     renew an account's token now:  tokenward renew <account> [--login] [--use-reserve]
  import    bring a refresh token into the store, from standard input:  tokenward import <account>
  rekey     seal every stored token with store.key; the earlier key must stand in store.retiredKeys
  store     copy the stored tokens and counted logins from one store to another, with tokenward stopped:
            tokenward store copy --from OLD.yaml --to NEW.yaml [--dry-run] [--overwrite]
            or remove what no account of the configuration owns:  tokenward store prune [--dry-run]
  hash-key  turn a caller's key (from standard input) into what the configuration keeps
  schema    print the JSON Schema of the configuration, for editors

Options:
  -c, --config FILE   the configuration (default: proxy.config.yaml, or $TOKENWARD_CONFIG)
      --operator URL  status, renew: the operator port (default: from the configuration, or $TOKENWARD_OPERATOR)
      --operator-key-file FILE
                      status, renew: the operator's key (or $TOKENWARD_OPERATOR_KEY)
      --json          status: as JSON
      --login         renew: log in, even if there is a refresh token to spend
      --use-reserve   renew: may spend the logins kept in reserve
      --from FILE     store copy: the configuration whose store is read
      --to FILE       store copy: the configuration whose store is written
      --dry-run       store copy, store prune: only say what would be done
      --overwrite     store copy: also replace tokens that are as new or newer
      --host HOST     sandbox: listen here (default 127.0.0.1)
      --port PORT     sandbox: first of its ports (default 8180)
  -h, --help          show this
  -v, --version       show the version

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
`;

/** What a mistyped command is compared with. */
const COMMANDS = ['serve', 'check', 'sandbox', 'status', 'renew', 'import', 'rekey', 'store', 'hash-key', 'schema', 'help'];

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  operator: { type: 'string' },
  'operator-key-file': { type: 'string' },
  json: { type: 'boolean', default: false },
  login: { type: 'boolean', default: false },
  'use-reserve': { type: 'boolean', default: false },
  from: { type: 'string' },
  to: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  overwrite: { type: 'boolean', default: false },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8180' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const;

type Options = ReturnType<typeof parse>['values'];

function parse(args: string[]) {
  return parseArgs({ args, options: OPTIONS, allowPositionals: true });
}

/** Wrong usage of the command line. */
class UsageError extends Error {}

async function main(): Promise<void> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(process.argv.slice(2));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0]! : 'wrong usage');
  }
  const { values, positionals: [command, ...rest] } = parsed;
  if (values.version) return print(`${VERSION}\n`);
  if (values.help || command === 'help') return print(HELP);
  if (command === undefined) throw new UsageError('no command given');
  if (rest.length > (['renew', 'import', 'store'].includes(command) ? 1 : 0)) throw new UsageError(`too many words after ${command}`);
  switch (command) {
    case 'serve': return serve(values);
    case 'check': return check(values);
    case 'sandbox': return sandbox(values);
    case 'status': return print(await operatorStatus(operatorUrl(values), values.json, operatorKey(values)));
    case 'renew': {
      if (rest[0] === undefined) throw new UsageError('renew needs the name of an account');
      return print(await operatorRenew(operatorUrl(values), rest[0], { useReserve: values['use-reserve'], login: values.login }, operatorKey(values)));
    }
    case 'import': {
      if (rest[0] === undefined) throw new UsageError('import needs the name of an account; the refresh token comes from standard input');
      return importAccount(values, rest[0]);
    }
    case 'rekey': {
      const file = configFile(values);
      const { records, resealed } = await rekeyStore(loadConfig(file, process.env), { log: createLogger('warn'), ownerIsGone });
      return print(`${records} records, ${resealed} sealed anew with the current key\n`);
    }
    case 'store': {
      if (rest[0] === 'copy') return storeCopy(values);
      if (rest[0] === 'prune') return storePrune(values);
      throw new UsageError(rest[0] === undefined ? 'store needs to know what to do: store copy, or store prune' : `store cannot "${rest[0]}"; it can copy and prune`);
    }
    case 'hash-key': return hashKey();
    case 'schema': return print(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    default: {
      const meant = nearest(command, COMMANDS);
      throw new UsageError(`there is no command "${command}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`);
    }
  }
}

function configFile(options: Options): string {
  return options.config ?? process.env['TOKENWARD_CONFIG'] ?? 'proxy.config.yaml';
}

async function serve(options: Options): Promise<void> {
  if (cluster.isWorker) return serveAsWorker();
  const file = configFile(options);
  // A reload needs them again; workers, and whoever looks into the environment of a child, do not.
  const environment = { ...process.env };
  const config = loadConfig(file, environment);
  for (const name of config.secretVariables) Reflect.deleteProperty(process.env, name);
  const log = createLogger(config.log.level);
  logWarnings(config, file, log);
  const halt = new AbortController();
  const starting = workerCount(config) > 1 ? startFleet(config, log, halt.signal) : startApp(config, { log, owner: leaseOwner(), ownerIsGone });

  let stopping = false;
  const isStopping = (): boolean => stopping;
  const stop = (why: string, code: number): void => {
    // A second signal does not shorten what must be finished.
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal: why });
    halt.abort();
    // As long as it starts, nobody is served and nothing is renewed.
    const late = setTimeout(() => process.exit(code), START_ENDS);
    // A start that comes to nothing has left nothing open.
    starting.then((running) => (clearTimeout(late), running.stop()), () => undefined).then(
      () => process.exit(code),
      (error: unknown) => {
        log.error('could not stop cleanly', { detail: describeFault(error) });
        process.exit(1);
      });
  };
  const fault = stopOnFault(log, stop);
  let isUp!: (running: Awaited<typeof starting>) => void;
  const up = new Promise<Awaited<typeof starting>>((resolve) => (isUp = resolve));
  heedSignals((signal) => {
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
const START_ENDS = 5_000;

/** SIGHUP. Rejects with a fault only. */
async function reload(running: App | RunningFleet, file: string, environment: NodeJS.ProcessEnv, log: Logger): Promise<void> {
  if (!('reload' in running)) {
    log.warn('SIGHUP: one process cannot replace itself without a gap, so nothing was read. Restart it; or set workers to 2 or more, then SIGHUP replaces them one by one', { signal: 'SIGHUP' });
    return;
  }
  await running.reload(() => {
    const changed = loadConfig(file, environment);
    logWarnings(changed, file, log);
    return changed;
  });
}

function logWarnings({ warnings }: LoadedConfig, file: string, log: Logger): void {
  for (const warning of warnings) log.warn('the configuration is probably not what is meant', { file, detail: showMistake(warning) });
}

/** One of several processes: the primary tells it what to do. */
async function serveAsWorker(): Promise<void> {
  // From a terminal these come to every process; the primary's word counts. SIGTERM to a worker alone is an operator's way to have it replaced.
  const { log, stop } = await runWorker({ surroundings: { owner: leaseOwner(), ownerIsGone }, explain, exit: (code) => process.exit(code) });
  heedSignals((signal) => signal === 'SIGTERM' && stop(signal, 0));
  stopOnFault(log, stop);
}

/** Nothing may get here. If something does, the state is unknown: stop in good order, and let the supervisor start anew. */
function stopOnFault(log: Logger, stop: (why: string, code: number) => void): (error: unknown) => void {
  const fault = (error: unknown): void => {
    log.error('uncaught fault, stopping', { detail: describeFault(error) });
    stop('fault', 1);
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
  return fault;
}

async function storeCopy(options: Options): Promise<void> {
  const { from, to } = options;
  if (from === undefined || to === undefined) throw new UsageError('store copy needs two configurations: --from OLD.yaml --to NEW.yaml');
  const [source, target] = [loadConfig(from, process.env), loadConfig(to, process.env)];
  if (storePlace(source) === storePlace(target)) throw new UsageError('--from and --to name the same store; to change its key, there is tokenward rekey');
  const dryRun = options['dry-run'];
  const { accounts, logins, refused } = await copyStore(source, target, { log: createLogger('warn'), ownerIsGone }, { overwrite: options.overwrite, dryRun });
  const wide = Math.max(0, ...accounts.map(({ account }) => account.length));
  const said = { copied: dryRun || refused ? 'to be copied' : 'copied', 'already there': 'already there', 'in the way': 'the target has one that is as new or newer' };
  for (const { account, generation, outcome } of accounts) print(`${account.padEnd(wide)}  generation ${generation}  ${said[outcome]}\n`);
  const copied = accounts.filter(({ outcome }) => outcome === 'copied').length;
  if (refused) throw new StoreError('Nothing was copied. Make sure which store is the right one; --overwrite takes the tokens of --from all the same.');
  print(`${accounts.length} accounts, ${copied} ${said.copied}; ${logins} counted logins ${dryRun ? 'to be carried' : 'carried'} over\n`);
}

async function storePrune(options: Options): Promise<void> {
  const config = loadConfig(configFile(options), process.env);
  const dryRun = options['dry-run'];
  const { removed } = await pruneStore(config, { log: createLogger('warn'), ownerIsGone }, { dryRun });
  const wide = Math.max(0, ...removed.map(({ key }) => key.length));
  for (const { key, generation } of removed) print(generation === undefined ? `${key}\n` : `${key.padEnd(wide)}  generation ${generation}\n`);
  if (removed.length === 0) print('Nothing to remove: every record belongs to an account of the configuration.\n');
  else print(`${removed.length} ${dryRun ? 'to be removed' : 'removed'}: no account of the configuration owns ${removed.length === 1 ? 'it' : 'them'}\n`);
}

/** Tells two stores apart, as far as their configurations do. */
function storePlace({ store }: LoadedConfig): string {
  return store.type === 'embedded' ? resolve(store.path) : JSON.stringify([store.url, store.sentinel?.name, store.sentinel?.nodes, store.cluster?.nodes, store.keyPrefix]);
}

async function check(options: Options): Promise<void> {
  const file = configFile(options);
  const config = loadConfig(file, process.env);
  const wide = Math.max(...config.routes.map(({ prefix }) => prefix.length));
  const lines = config.routes.map(({ prefix, upstream, account, accountFrom }) => `  ${prefix.padEnd(wide)}  ->  ${upstream}  ${account !== undefined ? `as ${account} (${findAccount(config, account)!.settings.flow})` : accountFrom !== undefined ? `as the request says (${accountFrom.flow})` : '(no token)'}`);
  const elsewhere = config.accountsFrom === undefined ? '' : `${Object.keys(config.accounts).length + config.generated.byName.size} accounts, ${config.generated.byName.size} of them generated.\n`;
  for (const warning of config.warnings) process.stderr.write(`warning: ${file}: ${showMistake(warning)}\n`);
  // Asked last: a store that cannot be reached from here says nothing about the configuration.
  const about = await storeWarnings(config, { log: createLogger('warn'), ownerIsGone }).catch((error: unknown) => [`the store was not looked at: ${error instanceof StoreError ? error.message : describeFault(error)}`]);
  for (const warning of about) process.stderr.write(`warning: store: ${warning}\n`);
  print(`${file} is fine.\n${lines.join('\n')}\n${elsewhere}`);
}

async function sandbox(options: Options): Promise<void> {
  const basePort = Number(options.port);
  if (!Number.isInteger(basePort) || basePort < 0 || basePort > 65_000) throw new UsageError('--port must be a port number');
  const running = await startSandbox({ host: options.host, basePort }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw new ListenError(`The sandbox needs the nine ports from ${basePort} on ${options.host}, and one of them is in use. Choose others with --port.`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EACCES') throw new ListenError(`The sandbox cannot listen on ${options.host} (${code}). Choose another address with --host, or ports with --port.`);
    throw error;
  });
  print(`# The sandbox is up; its control API is at ${running.urls.control}\n# A configuration that goes with it:\n${sandboxConfig(running)}`);
  const stop = (): void => {
    void running.close().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

async function importAccount(options: Options, account: string): Promise<void> {
  const config = loadConfig(configFile(options), process.env);
  const credential = importTarget(config, account);
  const given = await readSecret(process.stdin, process.stderr, `Refresh token of ${account} (not shown): `);
  if (given === undefined) throw new UsageError('nothing was imported');
  const { message, newStore } = await importInto(config, credential, given, { log: createLogger('warn'), owner: leaseOwner(), ownerIsGone });
  if (newStore !== undefined) process.stderr.write(`There was no store in ${resolve(newStore)}, so it was made. A tokenward that runs with another store does not see this token.\n`);
  print(`${message}\n`);
}

async function hashKey(): Promise<void> {
  let key = (await readSecret(process.stdin, process.stderr, 'Key (not shown; leave empty for a new one): '))?.replace(/\r?\n$/, '');
  if (key === undefined) throw new UsageError('no key was given');
  if (key === '') {
    key = randomBytes(32).toString('base64url');
    process.stderr.write(`New key, shown only now: ${key}\n`);
  }
  if (!/^[\x21-\x7e]+$/.test(key)) throw new UsageError('a key travels in a header, so it must be visible ASCII without spaces; an empty input makes a new one');
  if (key.length < 20) process.stderr.write('This key is short, and the digest of a short key can be guessed. Better let an empty input make one.\n');
  print(`${keyDigest(key)}\n`);
}

/** What the operator port asks of whoever acts, if it asks for a key. */
function operatorKey(options: Options): string | undefined {
  const file = options['operator-key-file'];
  if (file === undefined) return process.env['TOKENWARD_OPERATOR_KEY'] || undefined;
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`the file of --operator-key-file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  if (!/^[\x21-\x7e]+$/.test(key)) throw new UsageError('the file of --operator-key-file must hold a key: one line of visible ASCII');
  return key;
}

function operatorUrl(options: Options): string {
  const given = options.operator ?? process.env['TOKENWARD_OPERATOR'];
  if (given !== undefined) {
    if (!/^https?:\/\//.test(given) || !URL.canParse(given)) throw new UsageError('--operator must be a URL such as http://127.0.0.1:9090');
    return given.replace(/\/+$/, '');
  }
  let config: LoadedConfig;
  try {
    config = loadConfig(configFile(options), process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`the configuration would tell where the operator port is, but\n${error.message}\nName the port itself with --operator URL`);
  }
  const { operator } = config;
  const reachable = ['0.0.0.0', '::'].includes(operator.host) ? '127.0.0.1' : operator.host;
  return `http://${bracketed(reachable)}:${operator.port}`;
}

function print(text: string): void {
  process.stdout.write(text);
}

// Whoever reads our output may have seen enough of it (`tokenward schema | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

/** What to say of an error that ends the program, and its exit code. */
function explain(error: unknown): { message: string; exitCode: number } {
  if (error instanceof UsageError || error instanceof ImportTargetError || error instanceof ImportInputError) return { message: `${error.message}${error.message.endsWith('?') ? '' : '.'} Try: tokenward --help`, exitCode: 2 };
  if (error instanceof ConfigError) return { message: error.message, exitCode: 2 };
  if (error instanceof WorkerStartError) return error;
  if (error instanceof AccountBusy || error instanceof StoreError || error instanceof ListenError || error instanceof TlsFileError || error instanceof JwksFileError || error instanceof OperatorError) return { message: error.message, exitCode: 1 };
  return { message: `unexpected fault (${describeFault(error)})`, exitCode: 1 };
}

main().catch((error: unknown) => {
  const { message, exitCode } = explain(error);
  process.stderr.write(`tokenward: ${message}\n`);
  process.exitCode = exitCode;
});
