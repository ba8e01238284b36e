import { storeWarnings } from '../app/stores.ts';
import { findAccount, loadConfig, showMistake } from '../config/load.ts';
import { describeFault } from '../log.ts';
import { StoreError } from '../tokens/store.ts';
import { configFile, print, type Options } from './options.ts';
import { storeSurroundings } from './store-surroundings.ts';

/** `tokenward check`: what a configuration would do, and what is probably not meant. */
export async function check(options: Options): Promise<void> {
  const file = configFile(options);
  const config = loadConfig(file, process.env);
  const wide = Math.max(...config.routes.map(({ prefix }) => prefix.length));
  const lines = config.routes.map(({ prefix, upstream, account, accountFrom }) => `  ${prefix.padEnd(wide)}  ->  ${upstream}  ${account !== undefined ? `as ${account} (${findAccount(config, account)!.settings.flow})` : accountFrom !== undefined ? `as the request says (${accountFrom.flow})` : '(no token)'}`);
  const elsewhere = config.accountsFrom === undefined ? '' : `${Object.keys(config.accounts).length + config.generated.byName.size} accounts, ${config.generated.byName.size} of them generated.\n`;
  for (const warning of config.warnings) process.stderr.write(`warning: ${file}: ${showMistake(warning)}\n`);
  // Asked last: a store that cannot be reached from here says nothing about the configuration.
  const about = await storeWarnings(config, storeSurroundings()).catch((error: unknown) => [`the store was not looked at: ${error instanceof StoreError ? error.message : describeFault(error)}`]);
  for (const warning of about) process.stderr.write(`warning: store: ${warning}\n`);
  print(`${file} is fine.\n${lines.join('\n')}\n${elsewhere}`);
}
