import { resolve } from 'node:path';
import { findAccount, type LoadedConfig } from '../config/load.ts';
import { nearest } from '../nearest.ts';
import { credentialSource } from '../app/credentials.ts';
import { TokenCallError } from '../flows/run.ts';
import { openStore, type StoreDependencies } from '../app/open-store.ts';
import { storeIsThere } from '../app/store-presence.ts';
import { systemClock } from '../tokens/clock.ts';
import type { Credential } from '../tokens/credential.ts';
import { importToken, type ImportedGrant } from '../tokens/import.ts';
import { Records } from '../tokens/records.ts';
import type { Grant } from '../tokens/token.ts';
import { readImport } from './import-input.ts';

/** The account cannot take an imported token; the message says why. */
export class ImportTargetError extends Error {}

/** Checks that the account can use an imported refresh token, before one is typed. Throws an ImportTargetError. */
export function importTarget(config: LoadedConfig, account: string): Credential {
  const found = findAccount(config, account);
  if (found === undefined) {
    const suggestion = nearest(account, Object.keys(config.accounts));
    const hint = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
    throw new ImportTargetError(`there is no account of this name in the configuration${hint}`);
  }
  if (found.flow.refresh === undefined && found.flow.oauth === undefined) {
    throw new ImportTargetError(
      `the flow ${found.settings.flow} has no refresh; an imported refresh token would never be used`,
    );
  }
  // Nothing is sent here: the running process, or the next one, spends the token.
  const sendNothing = () => Promise.reject(new TokenCallError('connect', false));
  return credentialSource(config, systemClock, () => sendNothing).get(account)!;
}

/** The result of an import. */
interface Imported {
  readonly message: string;
  /** The path of a store that did not exist before: perhaps not the intended one. */
  readonly newStore: string | undefined;
}

/**
 * Imports the given text into the configured store. Rejects with an ImportInputError, an AccountBusyError or a
 * StoreError.
 */
export async function importInto(
  config: LoadedConfig,
  credential: Credential,
  input: string,
  dependencies: StoreDependencies & { readonly owner: string },
): Promise<Imported> {
  const clock = dependencies.clock ?? systemClock;
  return put(config, credential, readImport(input, clock.wall()), 'imported', dependencies);
}

/** Stores what a consent has brought. Rejects with an AccountBusyError or a StoreError. */
export async function storeGrant(
  config: LoadedConfig,
  credential: Credential,
  { secret, refreshSecret, lifetime, refreshLifetime, values }: Grant,
  dependencies: StoreDependencies & { readonly owner: string },
): Promise<Imported> {
  const now = (dependencies.clock ?? systemClock).wall();
  const endOf = (seconds: number | undefined): number | undefined =>
    seconds === undefined ? undefined : now + seconds * 1000;
  const [expiresAt, refreshExpiresAt] = [endOf(lifetime), endOf(refreshLifetime)];
  return put(
    config,
    credential,
    { secret, refreshSecret, expiresAt, refreshExpiresAt, values },
    'stored',
    dependencies,
  );
}

/** Says that a store was made; a mistyped path is the usual reason. */
export function noteNewStore(newStore: string | undefined): void {
  if (newStore === undefined) return;
  process.stderr.write(
    `There was no store in ${resolve(newStore)}, so it was made. ` +
      'A tokenward that runs with another store does not see this token.\n',
  );
}

async function put(
  config: LoadedConfig,
  credential: Credential,
  grant: ImportedGrant,
  done: 'imported' | 'stored',
  dependencies: StoreDependencies & { readonly owner: string },
): Promise<Imported> {
  const clock = dependencies.clock ?? systemClock;
  const newStore = storeIsThere(config) ? undefined : config.store.type === 'embedded' ? config.store.path : undefined;
  const { store, seal } = await openStore(config, dependencies);
  try {
    const { owner } = dependencies;
    const generation = await importToken(store, new Records(store, seal, clock), credential, grant, { owner, clock });
    const { secret, refreshSecret } = grant;
    const what = [refreshSecret && 'refresh token', secret && 'access token'].filter(Boolean).join(' and ');
    const next =
      secret === undefined
        ? 'the next request spends it'
        : `the access token is used until it expires or is rejected, then ${
            refreshSecret === undefined ? 'a person must consent again' : 'the refresh token is spent'
          }`;
    return { message: `${credential.account}: ${what} ${done}, generation ${generation}; ${next}`, newStore };
  } finally {
    await store.close();
  }
}
