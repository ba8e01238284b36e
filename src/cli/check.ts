import { storeWarnings } from '../app/open-store.ts';
import { findAccount, loadConfig, showIssue, type LoadedConfig } from '../config/load.ts';
import type { RouteConfig } from '../config/schema.ts';
import { describeFault } from '../log.ts';
import { StoreError } from '../tokens/store.ts';
import { configFile, print, type Options } from './options.ts';
import { storeDependencies } from './store-dependencies.ts';

/** `tokenward check`: what a configuration would do, and what in it is probably not intended. */
export async function check(options: Options): Promise<void> {
  const file = configFile(options);
  const config = loadConfig(file, process.env);
  const width = Math.max(...config.routes.map(({ name }) => name.length));
  const lines = config.routes.map(
    (route) => `  ${route.name.padEnd(width)}  ->  ${route.upstream}  ${identityOf(route, config)}`,
  );
  const generated = config.generated.byName.size;
  const accountCount =
    config.accountsFrom === undefined
      ? ''
      : `${Object.keys(config.accounts).length + generated} accounts, ${generated} of them generated.\n`;
  for (const warning of config.warnings) process.stderr.write(`warning: ${file}: ${showIssue(warning)}\n`);
  // The store comes last: if it cannot be reached from here, that says nothing about the configuration.
  const storeProblems = await storeWarnings(config, storeDependencies()).catch((error: unknown) => [
    `the store was not checked: ${error instanceof StoreError ? error.message : describeFault(error)}`,
  ]);
  for (const warning of storeProblems) process.stderr.write(`warning: store: ${warning}\n`);
  print(`${file} is fine.\n${lines.join('\n')}\n${accountCount}`);
}

/** The account of a route's requests. */
function identityOf({ account, accountFrom }: RouteConfig, config: LoadedConfig): string {
  const shown = (flow: string): string => (config.recipes.has(flow) ? `recipe ${flow}` : flow);
  if (account !== undefined) return `as ${account} (${shown(findAccount(config, account)!.settings.flow)})`;
  return accountFrom !== undefined ? `chosen by the request (${shown(accountFrom.flow)})` : '(no token)';
}
