import { leaseOwner } from '../app/process-identity.ts';
import { loadConfig } from '../config/load.ts';
import { importInto, importTarget, noteNewStore } from './import-account.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { readSecret } from './read-secret.ts';
import { storeDependencies } from './store-dependencies.ts';
import { UsageError } from './usage-error.ts';

/** `tokenward import`: a refresh token from standard input. */
export async function importAccount(options: ConfigOptions, account: string): Promise<void> {
  const config = loadConfig(configFile(options), process.env);
  const credential = importTarget(config, account);
  const input = await readSecret(process.stdin, process.stderr, `Refresh token of ${account} (not shown): `);
  if (input === undefined) throw new UsageError('nothing was imported');
  const dependencies = { ...storeDependencies(), owner: leaseOwner() };
  const { message, newStore } = await importInto(config, credential, input, dependencies);
  noteNewStore(newStore);
  print(`${message}\n`);
}
