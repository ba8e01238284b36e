import { checkOnline, type OnlineResult } from '../app/check-online.ts';
import { storeWarnings } from '../app/open-store.ts';
import { ConfigError, findAccount, loadConfig, type ConfigIssue, type LoadedConfig } from '../config/load.ts';
import type { RouteConfig } from '../config/schema.ts';
import { describeFault } from '../log.ts';
import { StoreError } from '../tokens/store.ts';
import { coloured } from './colour.ts';
import { issueReport } from './config-report.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { storeDependencies } from './store-dependencies.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward check`. */
interface Options extends ConfigOptions {
  readonly online?: boolean;
  readonly login?: boolean;
  readonly json?: boolean;
}

/**
 * `tokenward check`: what a configuration would do, and what in it is probably not intended. With `--online` also
 * whether upstreams, token endpoints and store can be reached from here; ends with 1 if one cannot.
 */
export async function check(options: Options): Promise<void> {
  const { online = false, login = false, json = false } = options;
  if (login && !online) throw new UsageError('--login is for --online');
  const file = configFile(options);
  let config: LoadedConfig;
  try {
    config = loadConfig(file, process.env);
  } catch (error) {
    if (!json || !(error instanceof ConfigError)) throw error;
    print(documentOf(file, error.issues, []));
    process.exitCode = 2;
    return;
  }
  // The store comes last: if it cannot be reached from here, that says nothing about the configuration.
  const storeProblems = online
    ? []
    : await storeWarnings(config, storeDependencies()).catch((error: unknown) => [
        `the store was not checked: ${error instanceof StoreError ? error.message : describeFault(error)}`,
      ]);
  const results = online ? await checkOnline(config, storeDependencies(), { login }) : undefined;
  if (results?.some(({ ok }) => !ok) === true) process.exitCode = 1;
  if (json) {
    const ofStore = storeProblems.map((message) => ({ path: 'store', line: undefined, message }));
    return print(documentOf(file, [], [...config.warnings, ...ofStore], results));
  }
  const warning = `${coloured(process.stderr, 'yellow', 'warning:')} `;
  for (const one of config.warnings) process.stderr.write(`${warning}${issueReport(one, file, 'yellow')}`);
  for (const one of storeProblems) process.stderr.write(`${warning}store: ${one}\n`);
  print(`${file} is fine.\n${describe(config)}`);
  if (results !== undefined) print(onlineText(results, login));
}

function describe(config: LoadedConfig): string {
  const width = Math.max(...config.routes.map(({ name }) => name.length));
  const lines = config.routes.map(
    (route) => `  ${route.name.padEnd(width)}  ->  ${route.upstream}  ${identityOf(route, config)}\n`,
  );
  const generated = config.generated.byName.size;
  const accountCount =
    config.accountsFrom === undefined
      ? ''
      : `${Object.keys(config.accounts).length + generated} accounts, ${generated} of them generated.\n`;
  return `${lines.join('')}${accountCount}`;
}

/** The account of a route's requests. */
function identityOf({ account, accountFrom }: RouteConfig, config: LoadedConfig): string {
  const shown = (flow: string): string => (config.recipes.has(flow) ? `recipe ${flow}` : flow);
  if (account !== undefined) return `as ${account} (${shown(findAccount(config, account)!.settings.flow)})`;
  return accountFrom !== undefined ? `chosen by the request (${shown(accountFrom.flow)})` : '(no token)';
}

function onlineText(results: readonly OnlineResult[], login: boolean): string {
  const width = Math.max(...results.map(({ kind }) => kind.length));
  const lines = results.map(
    ({ kind, name, ok, detail }) =>
      `  ${ok ? coloured(process.stdout, 'green', 'ok    ') : coloured(process.stdout, 'red', 'FAILED')}  ` +
      `${kind.padEnd(width)}  ${name}${detail === undefined ? '' : `: ${detail}`}\n`,
  );
  const spent = login
    ? 'Each account has logged in once; the tokens were not stored.'
    : 'No login was made: --login makes one for each account.';
  return `\nFrom here:\n${lines.join('')}${spent}\n`;
}

/** The document of `--json`. */
function documentOf(
  file: string,
  errors: readonly ConfigIssue[],
  warnings: readonly ConfigIssue[],
  online?: readonly OnlineResult[],
): string {
  const shown = (issue: ConfigIssue): object => ({
    file: issue.file ?? file,
    line: issue.line,
    column: issue.column,
    path: issue.path,
    code: issue.code ?? 'invalid',
    message: issue.message,
  });
  const ok = errors.length === 0 && (online ?? []).every((one) => one.ok);
  const document = { file, ok, errors: errors.map(shown), warnings: warnings.map(shown), ...(online && { online }) };
  return `${JSON.stringify(document, null, 2)}\n`;
}
