import { randomBytes } from 'node:crypto';
import { leaseOwner, ownerIsGone } from '../../app/process-identity.ts';
import { startWorker } from '../../app/app.ts';
import type { Worker } from '../../app/serve-proxy.ts';
import { temporaryAuthority } from '../../authority/authorities.ts';
import { authorityHosts } from '../../config/authority-hosts.ts';
import { loadConfig, showIssue, type LoadedConfig } from '../../config/load.ts';
import { createLogger, type Logger } from '../../log.ts';
import { systemClock } from '../../tokens/clock.ts';
import { configFile, type ConfigOptions } from '../options.ts';
import { checkRuntime, startProbe, type Probe } from './check-runtime.ts';
import { runCommand } from './command.ts';
import { runConfig } from './run-config.ts';
import { summaryOf } from './summary.ts';
import { writeTrustFiles } from './trust-files.ts';
import { proxyVariables, standIns } from './variables.ts';

/** The options of `tokenward run`. */
interface Options extends ConfigOptions {
  /** False: no key. */
  readonly key: boolean;
  readonly tunnel?: readonly string[];
  readonly caller?: string;
  readonly check?: boolean;
}

/** Refused hosts that are named at the end. */
const MAX_REFUSED = 50;

/**
 * `tokenward run -- COMMAND`: runs a command whose requests to the routes' hosts go through a proxy of its own. The
 * proxy, its authority and the command's key end with the command. Other processes that use the store share its tokens.
 */
export async function run(options: Options, command: readonly string[]): Promise<void> {
  const environment = { ...process.env };
  const file = configFile(options);
  const loaded = loadConfig(file, environment);
  const log = createLogger('warn');
  for (const warning of loaded.warnings)
    log.warn('the configuration is probably not as intended', { file, detail: showIssue(warning) });
  const key = options.key ? randomBytes(24).toString('base64url') : undefined;
  // Before anything is open: what it throws ends the program.
  const ofRun = runConfig(loaded, { key, caller: options.caller, tunnel: options.tunnel ?? [] });
  const probe = options.check === true ? await startProbe() : undefined;
  const config = withProbe(ofRun, probe);
  const hosts = authorityHosts(config);
  const authority = await temporaryAuthority(hosts, systemClock);
  const refused = new Set<string>();
  const proxy = await startWorker(config, {
    log,
    owner: leaseOwner(),
    ownerIsGone,
    authority,
    onHostRefused: (host) => refused.size < MAX_REFUSED && refused.add(host),
  });
  try {
    const trust = writeTrustFiles(authority.certificate, environment);
    process.once('exit', trust.remove);
    const place = {
      host: '127.0.0.1',
      port: proxy.proxyAddresses[0]!.port!,
      caller: key === undefined ? undefined : { name: 'run', key },
    };
    // The secrets of the accounts are what the command is to work without.
    const inherited = withoutSecrets(environment, loaded);
    const variables = {
      ...inherited,
      ...standIns(hosts, inherited),
      ...proxyVariables(place, trust, inherited, hosts),
    };
    process.exitCode =
      probe === undefined ? await runCommand(command, variables) : await checkRuntime(command, variables, probe);
  } finally {
    await end(proxy, log, [...refused], probe);
  }
  // The command has ended: nothing that is still open may keep its caller waiting.
  process.exit();
}

/** The command must not find the credentials that it is spared: a copy in its logs would be one too many. */
function withoutSecrets(
  environment: Readonly<Record<string, string | undefined>>,
  { secretVariables }: LoadedConfig,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secretVariables.includes(name)));
}

/** A route without an account, to a server of this process that only notes that it was asked. */
function withProbe(config: LoadedConfig, probe: Probe | undefined): LoadedConfig {
  if (probe === undefined) return config;
  const pattern = config.routes[0]!;
  const { host, upstream } = probe;
  const route = {
    ...pattern,
    ...{ host, prefix: '/', name: host, upstream },
    ...{ account: undefined, accountFrom: undefined, policy: undefined, headers: undefined, tls: undefined },
  };
  return { ...config, routes: [...config.routes, route] };
}

async function end(proxy: Worker, log: Logger, refused: readonly string[], probe: Probe | undefined): Promise<void> {
  const summary = probe === undefined ? await summaryOf(proxy.metrics, refused) : '';
  // Nobody is left to wait for: the command has ended.
  await proxy.stop({ replaced: true, idleMs: 0 }).catch((error: unknown) => {
    log.error('could not stop cleanly', { detail: error instanceof Error ? error.message : '' });
  });
  probe?.close();
  process.stderr.write(summary);
}
