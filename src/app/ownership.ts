import type { LoadedConfig } from '../config/load.ts';
import type { Clock } from '../tokens/clock.ts';
import type { Credential } from '../tokens/credential.ts';
import type { Records } from '../tokens/records.ts';
import { accountOfKey, RecordError } from '../tokens/store.ts';
import { credentialSource } from './credentials.ts';

/** Which rows of a store belong to the accounts of a configuration. */
interface Ownership {
  has(account: string): boolean;
  identityOf(account: string): string | undefined;
  /** The accounts with this `formerName`. */
  renamedFrom(formerName: string): readonly string[];
  readonly budgets: ReadonlySet<string>;
}

/** The rows that the accounts of this configuration own. */
export function ownership(config: LoadedConfig, clock: Clock): Ownership {
  // No call is made: only the credentials' identities are needed.
  const source = credentialSource(config, clock, () => () => Promise.reject(new Error('no call is made here')));
  const { accounts, generated } = config;
  const renamed = new Map<string, string[]>();
  const addRenamed = (account: string, formerName: string | undefined): void => {
    if (formerName !== undefined) renamed.set(formerName, [...(renamed.get(formerName) ?? []), account]);
  };
  for (const [account, { formerName }] of Object.entries(accounts)) addRenamed(account, formerName);
  for (const [account, [index]] of generated.byName)
    addRenamed(account, generated.profiles[index]!.settings.formerName);
  const all = [...Object.keys(accounts), ...generated.byName.keys()];
  return {
    has: (account) => source.has(account),
    identityOf: (account) => source.get(account)?.identity,
    renamedFrom: (formerName) => renamed.get(formerName) ?? [],
    budgets: new Set(all.flatMap((account) => budgetKeys(source.get(account)))),
  };
}

function budgetKeys(credential: Credential | undefined): string[] {
  if (credential === undefined) return [];
  const { budget, renewalBudgets = [] } = credential;
  return [...(budget === undefined ? [] : [budget]), ...renewalBudgets].map(({ key }) => key);
}

/** The generation of a record without an owner; undefined if it cannot be opened; false: it has an owner. */
export async function unownedGeneration(
  key: string,
  records: Records,
  owned: Ownership,
  known: ReadonlySet<string>,
): Promise<number | undefined | false> {
  const account = accountOfKey(key);
  // The renamed account has not taken it over yet.
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
