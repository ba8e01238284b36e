import { resolve } from 'node:path';
import { copyStore } from '../app/copy-store.ts';
import { loadConfig, type LoadedConfig } from '../config/load.ts';
import { isAccountKey, StoreError } from '../tokens/store.ts';
import { print } from './options.ts';
import { storeDependencies } from './store-dependencies.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward store copy`. */
interface Options {
  readonly from?: string;
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly overwrite?: boolean;
}

/** `tokenward store copy`. */
export async function storeCopy(options: Options): Promise<void> {
  const { from, to } = options;
  if (from === undefined || to === undefined) {
    throw new UsageError('store copy needs two configurations: --from OLD.yaml --to NEW.yaml');
  }
  const [source, target] = [loadConfig(from, process.env), loadConfig(to, process.env)];
  if (storePlace(source) === storePlace(target)) {
    throw new UsageError('--from and --to name the same store; to change its key, there is tokenward rekey');
  }
  const dryRun = options.dryRun === true;
  const copyOptions = { overwrite: options.overwrite === true, dryRun };
  const { accounts: records, logins, refused } = await copyStore(source, target, storeDependencies(), copyOptions);
  // The authority is no account, but it is carried over like one.
  const accounts = records.filter(({ account }) => isAccountKey(account));
  const width = Math.max(0, ...records.map(({ account }) => account.length));
  const labels = {
    copied: dryRun || refused ? 'to be copied' : 'copied',
    'already there': 'already there',
    'in the way': 'the target has one that is as new or newer',
  };
  for (const { account, generation, outcome } of records) {
    print(`${account.padEnd(width)}  generation ${generation}  ${labels[outcome]}\n`);
  }
  const copied = accounts.filter(({ outcome }) => outcome === 'copied').length;
  if (refused) {
    throw new StoreError(
      'Nothing was copied. Check which store is the right one; ' + '--overwrite copies the tokens of --from anyway.',
    );
  }
  const movedLabel = dryRun ? 'to be carried' : 'carried';
  print(`${accounts.length} accounts, ${copied} ${labels.copied}; ${logins} counted logins ${movedLabel} over\n`);
}

/** Identifies a store, as far as its configuration does. */
function storePlace({ store }: LoadedConfig): string {
  return store.type === 'embedded'
    ? resolve(store.path)
    : JSON.stringify([store.url, store.sentinel?.name, store.sentinel?.nodes, store.cluster?.nodes, store.keyPrefix]);
}
