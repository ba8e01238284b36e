import type { SecureContextOptions } from 'node:tls';
import type { LoadedConfig } from './config/load.ts';
import type { Logger } from './log.ts';
import { readTlsFiles } from './tls.ts';
import { systemClock, type Clock } from './tokens/clock.ts';
import { copyRecords, type CopyEnd, type CopyReport } from './tokens/copy.ts';
import { Records } from './tokens/records.ts';
import { Seal, sealingKey } from './tokens/seal.ts';
import { StoreError, type TokenStore } from './tokens/store.ts';
import { AnnouncingStore, type Peers } from './tokens/stores/announcing.ts';
import { EmbeddedStore, hasKeyBeside, keyBesideStore } from './tokens/stores/embedded.ts';
import { RedisStore, type RedisOptions } from './tokens/stores/redis.ts';
import type { HostPort, RedisPlace } from './tokens/stores/redis-lines.ts';

/** What opening a store takes besides the configuration. */
export interface StoreSurroundings {
  readonly log: Logger;
  /** Tells whether the process that a lease names is gone. */
  readonly ownerIsGone: (owner: string) => boolean;
  readonly clock?: Clock;
  /** The other workers of this host. */
  readonly peers?: Peers;
}

/** The configured store and what seals its records. Rejects with a StoreError. */
export async function openStore({ store: config }: LoadedConfig, surroundings: StoreSurroundings): Promise<{ store: TokenStore; seal: Seal }> {
  const retired = config.retiredKeys.map(sealingKey);
  if (config.type === 'redis') return { store: await RedisStore.open(redisOptions(config)), seal: new Seal(sealingKey(config.key), retired) };
  let current = config.key;
  if (current === undefined) {
    const beside = keyBesideStore(config.path);
    if (beside.created) surroundings.log.warn('made a store key beside the store: whoever copies the folder has the key too. Set store.key to keep it elsewhere', { file: beside.file });
    current = beside.text;
  }
  const seal = new Seal(sealingKey(current), retired);
  const store = EmbeddedStore.open(config.path, { ownerIsGone: surroundings.ownerIsGone, now: () => (surroundings.clock ?? systemClock).wall() });
  return { store: surroundings.peers === undefined ? store : new AnnouncingStore(store, surroundings.peers), seal };
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

/** Seals every stored record with the current key. Returns how many there are and how many were sealed anew. */
export async function rekeyStore(config: LoadedConfig, surroundings: StoreSurroundings): Promise<{ records: number; resealed: number }> {
  const clock = surroundings.clock ?? systemClock;
  const { store, seal } = await openStore(config, surroundings);
  try {
    const records = new Records(store, seal, clock);
    const accounts = await store.accounts();
    let resealed = 0;
    for (const account of accounts) if (await records.reseal(account)) resealed += 1;
    return { records: accounts.length, resealed };
  } finally {
    await store.close();
  }
}

/** Copies what the one configuration's store holds to the other's, sealed with the other's key. Rejects with a StoreError. */
export async function copyStore(from: LoadedConfig, to: LoadedConfig, surroundings: StoreSurroundings, options: { overwrite: boolean; dryRun: boolean }): Promise<CopyReport> {
  const clock = surroundings.clock ?? systemClock;
  if (from.store.type === 'embedded') {
    const { path, key } = from.store;
    if (!EmbeddedStore.isIn(path)) throw new StoreError(`There is no store in ${path}, so there is nothing to copy.`);
    if (key === undefined && !hasKeyBeside(path)) throw new StoreError(`The key of the store in ${path} is not beside it. Put it in store.key.`);
  }
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

/** What `store prune` removes: the name of a record, or of a count of logins (then without a generation). */
export interface Pruned {
  readonly key: string;
  readonly generation: number | undefined;
}

/** Removes what no account of the configuration owns; `dryRun` only says what that is. Rejects with a StoreError. */
export async function pruneStore(_config: LoadedConfig, _surroundings: StoreSurroundings, _options: { dryRun: boolean }): Promise<{ removed: readonly Pruned[] }> {
  throw new StoreError('store prune is not built yet.');
}
