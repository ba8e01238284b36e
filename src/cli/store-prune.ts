import { pruneStore } from '../app/prune-store.ts';
import { loadConfig } from '../config/load.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { storeDependencies } from './store-dependencies.ts';

/** `tokenward store prune`. */
export async function storePrune(options: ConfigOptions & { readonly dryRun?: boolean }): Promise<void> {
  const config = loadConfig(configFile(options), process.env);
  const dryRun = options.dryRun === true;
  const { removed } = await pruneStore(config, storeDependencies(), { dryRun });
  const width = Math.max(0, ...removed.map(({ key }) => key.length));
  for (const { key, generation } of removed) {
    print(generation === undefined ? `${key}\n` : `${key.padEnd(width)}  generation ${generation}\n`);
  }
  if (removed.length === 0) {
    return print('Nothing to remove: every record belongs to an account of the configuration.\n');
  }
  const reason = `no account of the configuration owns ${removed.length === 1 ? 'it' : 'them'}`;
  print(`${removed.length} ${dryRun ? 'to be removed' : 'removed'}: ${reason}\n`);
}
