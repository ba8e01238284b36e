import { leaseOwner } from '../app/process-identity.ts';
import { rekeyStore } from '../app/rekey-store.ts';
import { loadConfig } from '../config/load.ts';
import { configFile, print, type ConfigOptions } from './options.ts';
import { storeDependencies } from './store-dependencies.ts';

/** `tokenward rekey`: seals the stored records with the current key. */
export async function rekey(options: ConfigOptions): Promise<void> {
  const config = loadConfig(configFile(options), process.env);
  const { records, resealed } = await rekeyStore(config, { ...storeDependencies(), owner: leaseOwner() });
  print(`${records} records, ${resealed} sealed again with the current key\n`);
}
