import type { LoadedConfig } from '../config/load.ts';
import type { Clock } from '../tokens/clock.ts';
import type { Records } from '../tokens/records.ts';
import { accountOfKey, RecordError } from '../tokens/store.ts';
import { credentialSource } from './credentials.ts';

/** What of a store's rows belongs to the accounts of a configuration. */
interface Ownership {
  has(account: string): boolean;
  identityOf(account: string): string | undefined;
  /** The accounts that name this one as their former name. */
  renamedFrom(formerName: string): readonly string[];
  readonly budgets: ReadonlySet<string>;
}

/** What the accounts of this configuration own. */
export function ownership(config: LoadedConfig, clock: Clock): Ownership {
  // Nobody is called: a credential only tells whose it is.
  const source = credentialSource(config, clock, () => () => Promise.reject(new Error('no call is made here')));
  const { accounts, generated } = config;
  const renamed = new Map<string, string[]>();
  const addRenamed = (account: string, formerName: string | undefined): void => {
    if (formerName !== undefined) renamed.set(formerName, [...(renamed.get(formerName) ?? []), account]);
  };
  for (const [account, { formerName }] of Object.entries(accounts)) addRenamed(account, formerName);
  for (const [account, [kind]] of generated.byName) addRenamed(account, generated.profiles[kind]!.settings.formerName);
  const all = [...Object.keys(accounts), ...generated.byName.keys()];
  return {
    has: (account) => source.has(account),
    identityOf: (account) => source.get(account)?.identity,
    renamedFrom: (formerName) => renamed.get(formerName) ?? [],
    budgets: new Set(all.map((account) => source.get(account)?.budget?.key).filter((key) => key !== undefined)),
  };
}

/** The generation of a record that nobody owns; undefined if it does not open; false: it is somebody's. */
export async function unownedGeneration(
  key: string,
  records: Records,
  owned: Ownership,
  known: ReadonlySet<string>,
): Promise<number | undefined | false> {
  const account = accountOfKey(key);
  // Not taken over yet: it is still to be the record of its heir.
  if (owned.renamedFrom(account).some((newName) => !known.has(newName))) return false;
  try {
    const { generation, identity } = await records.read(key);
    if (!owned.has(account)) return generation;
    return identity === '' || identity === owned.identityOf(account) ? false : generation;
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return owned.has(account) ? false : undefined;
  }
}
