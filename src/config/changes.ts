import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from './load.ts';
import { differingKeys } from './reloadable.ts';

/** Names in one line about generated accounts, of which there may be many. */
const MAX_NAMES = 10;

/**
 * What differs between two configurations, one line for each part, for people. Names of keys and parts, never a value:
 * it may be a secret.
 */
export function describeChanges(present: LoadedConfig, next: LoadedConfig): string[] {
  return [
    ...sections(present, next),
    ...listenerChanges(present, next),
    ...callerChanges(present.callers, next.callers),
    ...named('flow', new Map(Object.entries(present.flows)), new Map(Object.entries(next.flows))),
    ...named('account', new Map(Object.entries(present.accounts)), new Map(Object.entries(next.accounts))),
    ...generatedChanges(present, next),
    ...named('route', byName(present.routes), byName(next.routes)),
    ...tlsFileChanges(present, next),
  ];
}

/** Sections that are one setting, or a mapping of some. */
const SECTIONS = [
  ...(['operator', 'workers', 'workerConnections', 'store', 'jwt', 'egressProxy', 'allowAnonymous'] as const),
  ...(['accountsFrom', 'limits', 'startup', 'shutdown', 'log', 'tracing', 'watch'] as const),
];

function sections(present: LoadedConfig, next: LoadedConfig): string[] {
  return SECTIONS.flatMap((section) => {
    const [one, other]: unknown[] = [present[section], next[section]];
    if (isDeepStrictEqual(one, other)) return [];
    if (typeof one !== 'object' || typeof other !== 'object') return [`${section} changed`];
    return differingKeys(one ?? {}, other ?? {}).map((key) => `${section}.${key} changed`);
  });
}

function listenerChanges({ listeners: present }: LoadedConfig, { listeners: next }: LoadedConfig): string[] {
  if (present.length !== next.length) return ['listen changed'];
  return present.flatMap((listener, index) => {
    const place = present.length === 1 ? 'listen' : `listen.${index}`;
    return differingKeys(listener, next[index]!).map((key) => `${place}.${key} changed`);
  });
}

function callerChanges(present: LoadedConfig['callers'], next: LoadedConfig['callers']): string[] {
  if (present === 'none' && next === 'none') return [];
  if (present === 'none') return ['callers must authenticate from now on'];
  if (next === 'none') return ['callers do not authenticate any more'];
  return named('caller', byName(present), byName(next));
}

function byName<T extends { readonly name: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}

/** Parts with a name that were added, removed or changed. */
function named(kind: string, present: ReadonlyMap<string, object>, next: ReadonlyMap<string, object>): string[] {
  const removed = [...present.keys()].filter((name) => !next.has(name)).map((name) => `${kind} ${name} removed`);
  const others = [...next].flatMap(([name, part]) => {
    const before = present.get(name);
    if (before === undefined) return [`${kind} ${name} added`];
    if (isDeepStrictEqual(before, part)) return [];
    return [`${kind} ${name}: ${differingKeys(before, part).join(', ')} changed`];
  });
  return [...removed, ...others];
}

/** Accounts of accountsFrom.file, which may be a hundred thousand. */
function generatedChanges({ generated: present }: LoadedConfig, { generated: next }: LoadedConfig): string[] {
  const added: string[] = [];
  const changed: string[] = [];
  for (const [name, [profile, credentials]] of next.byName) {
    const before = present.byName.get(name);
    if (before === undefined) added.push(name);
    else if (
      !isDeepStrictEqual(before[1], credentials) ||
      !isDeepStrictEqual(present.profiles[before[0]], next.profiles[profile])
    )
      changed.push(name);
  }
  const removed = [...present.byName.keys()].filter((name) => !next.byName.has(name));
  return [...counted(removed, 'removed'), ...counted(added, 'added'), ...counted(changed, 'changed')];
}

function counted(names: readonly string[], what: string): string[] {
  if (names.length === 0) return [];
  const more = names.length - MAX_NAMES;
  const shown = `${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return [`${names.length === 1 ? 'account' : 'accounts'} ${shown} ${what}`];
}

function tlsFileChanges({ source: present }: LoadedConfig, { source: next }: LoadedConfig): string[] {
  return [...next.tlsFiles].flatMap(([path, digest]) => {
    const before = present.tlsFiles.get(path);
    return before === undefined || before === digest ? [] : [`file ${path}: content changed`];
  });
}
