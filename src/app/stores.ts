import type { SecureContextOptions } from 'node:tls';
import type { LoadedConfig } from '../config/load.ts';
import type { Logger } from '../log.ts';
import { credentialSource } from './credentials.ts';
import { readTlsFiles } from '../http/tls.ts';
import { bootTimeOf, systemBootTime } from '../tokens/boot-time.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import { copyRecords, type CopyEnd, type CopyReport } from '../tokens/copy.ts';
import { Records } from '../tokens/records.ts';
import { Seal, sealingKey } from '../tokens/seal.ts';
import { accountOfKey, RecordError, StoreError, type StoredKind, type TokenStore } from '../tokens/store.ts';
import { AnnouncingStore, type Peers } from '../tokens/stores/broadcasting.ts';
import { EmbeddedStore } from '../tokens/stores/embedded.ts';
import { hasKeyBeside, keyBesideStore } from '../tokens/stores/key-file.ts';
import { RedisStore, type RedisOptions } from '../tokens/stores/redis.ts';
import type { HostPort, RedisPlace } from '../tokens/stores/redis-topology.ts';

/** What opening a store takes besides the configuration. */
export interface StoreSurroundings {
  readonly log: Logger;
  /** Tells whether the process that a lease names is gone. */
  readonly ownerIsGone: (owner: string) => boolean;
  readonly clock?: Clock;
  /** The other workers of this host. */
  readonly peers?: Peers;
}

/**
 * The configured store and what seals its records. What about the store can lose tokens is logged. Rejects with a
 * StoreError, also if the store's records are sealed with a key that is not configured.
 */
export async function openStore(config: LoadedConfig, surroundings: StoreSurroundings): Promise<{ store: TokenStore; seal: Seal }> {
  const { store, seal } = await open(config, surroundings);
  try {
    await checkKey(config, store, seal);
    for (const warning of (await store.warnings?.()) ?? []) surroundings.log.warn(warning);
  } catch (error) {
    await store.close();
    throw error;
  }
  return { store, seal };
}

/** What about the configured store can lose tokens or counts of logins, in words for an operator. Rejects with a StoreError if it cannot be opened. */
export async function storeWarnings(config: LoadedConfig, surroundings: StoreSurroundings): Promise<string[]> {
  // Only another program's settings can be wrong; a look must not make an embedded store.
  if (config.store.type !== 'redis') return [];
  const { store } = await open(config, surroundings);
  try {
    return (await store.warnings?.()) ?? [];
  } finally {
    await store.close();
  }
}

async function open({ store: config }: LoadedConfig, surroundings: StoreSurroundings): Promise<{ store: TokenStore; seal: Seal }> {
  const retired = config.retiredKeys.map(sealingKey);
  if (config.type === 'redis') return { store: await RedisStore.open(redisOptions(config)), seal: new Seal(sealingKey(config.key), retired) };
  let current = config.key;
  if (current === undefined) {
    const beside = keyBesideStore(config.path);
    if (beside.created) surroundings.log.warn('generated a store key next to the store: anyone who copies the directory gets the key as well. Set store.key to keep it elsewhere', { file: beside.file });
    if (beside.exposed) surroundings.log.warn('other users of this host could read the store key; its mode is set to 0600 where that is possible. If one of them may have read it, make a new key: tokenward rekey', { file: beside.file });
    current = beside.text;
  }
  const seal = new Seal(sealingKey(current), retired);
  const { ownerIsGone, clock = systemClock, peers } = surroundings;
  const store = EmbeddedStore.open(config.path, { ownerIsGone, now: () => clock.wall(), running: clock === systemClock ? systemBootTime : bootTimeOf(clock) });
  return { store: peers === undefined ? store : new AnnouncingStore(store, peers), seal };
}

/**
 * One record with another key concerns its account. When it is every one, the configured key is the wrong one, and a
 * process that goes on would serve nobody: rejects with a StoreError.
 */
async function checkKey({ accounts }: LoadedConfig, store: TokenStore, seal: Seal): Promise<void> {
  let wrong: string | undefined;
  for (const account of Object.keys(accounts)) {
    const record = await store.read(account).catch((error: unknown) => {
      if (error instanceof RecordError) return undefined;
      throw error;
    });
    if (record === undefined) continue;
    const other = seal.otherKey(record.sealed);
    if (other === undefined) return;
    wrong ??= other;
  }
  if (wrong !== undefined) throw new StoreError(`The store ${wrong}. Nothing was changed.`);
}

/** False: opening the store would make it. A Redis is always there, or cannot be opened. */
export function storeIsThere({ store }: Pick<LoadedConfig, 'store'>): boolean {
  return store.type !== 'embedded' || EmbeddedStore.isIn(store.path);
}

function redisOptions(config: Extract<LoadedConfig['store'], { type: 'redis' }>): RedisOptions {
  const { url, sentinel, cluster, username, password, tls, keyPrefix, commandTimeout, waitReplicas } = config;
  const place: RedisPlace = sentinel !== undefined
    ? { kind: 'sentinel', name: sentinel.name, nodes: sentinel.nodes.map(hostAndPort), password: sentinel.password }
    : cluster !== undefined ? { kind: 'cluster', nodes: cluster.nodes.map(hostAndPort) } : { kind: 'single', url: url! };
  const files = tls && readTlsFiles({ ...tls, minVersion: 'TLSv1.2' });
  return { place, username, password, keyPrefix, commandTimeout, waitReplicas, tls: files && pick(files) };
}

function hostAndPort(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function pick({ ca, cert, key }: SecureContextOptions): NonNullable<RedisOptions['tls']> {
  return { ...(ca !== undefined && { ca: ca as Buffer }), ...(cert !== undefined && { cert: cert as Buffer }), ...(key !== undefined && { key: key as Buffer }) };
}

/**
 * Seals every stored record with the current key. Returns how many there are and how many were sealed anew. Rejects with
 * a StoreError; if some do not open, when all the others are done, naming those.
 */
export async function rekeyStore(config: LoadedConfig, surroundings: StoreSurroundings): Promise<{ records: number; resealed: number }> {
  const clock = surroundings.clock ?? systemClock;
  const { store, seal } = await openStore(config, surroundings);
  try {
    const records = new Records(store, seal, clock);
    const keys = await store.accounts();
    const failed: string[] = [];
    let resealed = 0;
    for (const key of keys) {
      try {
        if (await records.reseal(key)) resealed += 1;
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        failed.push(error.message);
      }
    }
    if (failed.length > 0) throw new StoreError(`${failed.length} of ${keys.length} records could not be sealed anew; ${resealed} were. ${failed.slice(0, NAMED_MOST).join(' ')}`);
    return { records: keys.length, resealed };
  } finally {
    await store.close();
  }
}

/** So many records that do not open are named in one message. */
const NAMED_MOST = 20;

/** Copies what the one configuration's store holds to the other's, sealed with the other's key. Rejects with a StoreError. */
export async function copyStore(from: LoadedConfig, to: LoadedConfig, surroundings: StoreSurroundings, options: { overwrite: boolean; dryRun: boolean }): Promise<CopyReport> {
  const clock = surroundings.clock ?? systemClock;
  requireStore(from, 'copy');
  const opened: TokenStore[] = [];
  const end = async (config: LoadedConfig): Promise<CopyEnd> => {
    const { store, seal } = await openStore(config, surroundings);
    opened.push(store);
    return { store, records: new Records(store, seal, clock) };
  };
  try {
    return await copyRecords(await end(from), await end(to), options);
  } finally {
    for (const store of opened) await store.close();
  }
}

/** Looking into a store that is not there must not make one. */
function requireStore({ store }: LoadedConfig, what: string): void {
  if (store.type !== 'embedded') return;
  if (!EmbeddedStore.isIn(store.path)) throw new StoreError(`There is no store in ${store.path}, so there is nothing to ${what}.`);
  if (store.key === undefined && !hasKeyBeside(store.path)) throw new StoreError(`The key of the store in ${store.path} is not beside it. Put it in store.key.`);
}

/** What `store prune` removes: the key of a row; the generation if it is a record that could be read. */
export interface Pruned {
  readonly key: string;
  readonly generation: number | undefined;
}

/** A count of logins that no account owns is kept for so long: whoever comes back within it must not log in too often. ms. */
const COUNTS_KEPT = 31 * 86_400_000;

/**
 * Removes what no account of the configuration owns: records of accounts that are gone or whose identity is another one
 * now, their leases, and counts of logins that are over. `dryRun` only says what that is. What does not open is removed
 * only if its account is gone. Rejects with a StoreError.
 */
export async function pruneStore(config: LoadedConfig, surroundings: StoreSurroundings, { dryRun }: { dryRun: boolean }): Promise<{ removed: readonly Pruned[] }> {
  const clock = surroundings.clock ?? systemClock;
  requireStore(config, 'prune');
  const { store, seal } = await openStore(config, surroundings);
  try {
    const records = new Records(store, seal, clock);
    const removed: Pruned[] = [];
    const remove = async (kind: StoredKind, name: string, generation: number | undefined): Promise<void> => {
      removed.push({ key: store.keyOf?.(kind, name) ?? name, generation });
      if (!dryRun) await (kind === 'budget' ? store.removeBudget(name) : store.remove(name));
    };
    const owned = ownership(config, clock);
    const names = await store.accounts();
    const known = new Set(names);
    for (const name of names) {
      const generation = await unownedGeneration(name, records, owned, known);
      if (generation !== false) await remove('record', name, generation);
    }
    for (const name of await store.leased()) if (!known.has(name) && !owned.has(name)) await remove('lease', name, undefined);
    for (const { budget, entries } of await store.budgets()) {
      if (!owned.budgets.has(budget) && entries.every((at) => at < clock.wall() - COUNTS_KEPT)) await remove('budget', budget, undefined);
    }
    return { removed };
  } finally {
    await store.close();
  }
}

interface Ownership {
  has(account: string): boolean;
  identityOf(account: string): string | undefined;
  /** The accounts that name this one as their former name. */
  heirsOf(former: string): readonly string[];
  readonly budgets: ReadonlySet<string>;
}

function ownership(config: LoadedConfig, clock: Clock): Ownership {
  // Nobody is called: a credential only tells whose it is.
  const source = credentialSource(config, clock, () => () => Promise.reject(new Error('no call is made here')));
  const { accounts, generated } = config;
  const heirs = new Map<string, string[]>();
  const inherit = (account: string, former: string | undefined): void => {
    if (former !== undefined) heirs.set(former, [...(heirs.get(former) ?? []), account]);
  };
  for (const [account, { formerName }] of Object.entries(accounts)) inherit(account, formerName);
  for (const [account, [kind]] of generated.byName) inherit(account, generated.kinds[kind]!.settings.formerName);
  const all = [...Object.keys(accounts), ...generated.byName.keys()];
  return {
    has: (account) => source.has(account),
    identityOf: (account) => source.get(account)?.identity,
    heirsOf: (former) => heirs.get(former) ?? [],
    budgets: new Set(all.map((account) => source.get(account)?.budget?.key).filter((key) => key !== undefined)),
  };
}

/** The generation of a record that nobody owns; undefined if it does not open; false: it is somebody's. */
async function unownedGeneration(key: string, records: Records, owned: Ownership, known: ReadonlySet<string>): Promise<number | undefined | false> {
  const account = accountOfKey(key);
  // Not taken over yet: it is still to be the record of its heir.
  if (owned.heirsOf(account).some((heir) => !known.has(heir))) return false;
  try {
    const { generation, identity } = await records.read(key);
    if (!owned.has(account)) return generation;
    return identity === '' || identity === owned.identityOf(account) ? false : generation;
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return owned.has(account) ? false : undefined;
  }
}
