import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from './load.ts';
import type { Listener } from './schema/listen.ts';

/*
 * What one process can take over while it serves: everything but the keys below, which are bound when it starts. The
 * table in docs/configuration.md says the same; a test compares them.
 */

/** Keys of a listener that can change while it listens. */
export const RELOADABLE_OF_LISTENER = ['hosts', 'requireHeader', 'forward.tunnel'] as const;

/** Keys that need a restart. `listen`: all but those of RELOADABLE_OF_LISTENER. */
export const NEEDS_RESTART = [
  ...(['listen', 'operator', 'workers', 'workerConnections', 'store'] as const),
  ...(['limits.headerBytes', 'log.format'] as const),
] as const;

/** A change that needs a restart: nothing of the configuration was applied. */
export class RestartNeededError extends Error {
  override readonly name = 'RestartNeededError';

  /** `keys`: what has changed, such as `listen.port`. */
  constructor(keys: readonly string[]) {
    super(`${keys.join(', ')}: a change here needs a restart of tokenward, so nothing was applied`);
  }
}

/** The keys of the next configuration that differ and cannot be reloaded, such as `listen.port`. */
export function keysThatNeedRestart(present: LoadedConfig, next: LoadedConfig): string[] {
  const keys: string[] = [];
  const compare = (path: string, one: unknown, other: unknown): void => {
    if (!isDeepStrictEqual(one, other)) keys.push(...(changedKeys(path, one, other) ?? [path]));
  };
  if (present.listeners.length === next.listeners.length)
    present.listeners.forEach((listener, index) => {
      const path = present.listeners.length === 1 ? 'listen' : `listen.${index}`;
      compare(path, boundParts(listener), boundParts(next.listeners[index]!));
    });
  else keys.push('listen');
  compare('operator', present.operator, next.operator);
  compare('workers', present.workers, next.workers);
  compare('workerConnections', present.workerConnections, next.workerConnections);
  compare('store', present.store, next.store);
  compare('limits.headerBytes', present.limits.headerBytes, next.limits.headerBytes);
  compare('log.format', present.log.format, next.log.format);
  return keys;
}

/** The same with several workers, which are replaced by new ones. */
export function keysThatNeedRestartOfAll(present: LoadedConfig, next: LoadedConfig): string[] {
  const keys = differingKeys(present.operator, next.operator).map((key) => `operator.${key}`);
  // node:cluster is told once, before the first worker.
  return present.workerConnections === next.workerConnections ? keys : [...keys, 'workerConnections'];
}

/** The part of a listener that is fixed once it listens. */
function boundParts({ hosts: _, requireHeader: __, forward, ...bound }: Listener): Record<string, unknown> {
  return { ...bound, forward: forward !== undefined };
}

/** The keys of two mappings that differ. Undefined: they are none. */
function changedKeys(path: string, one: unknown, other: unknown): string[] | undefined {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return undefined;
  return differingKeys(one, other).map((key) => `${path}.${key}`);
}

/** The keys in which two mappings differ. */
export function differingKeys(one: object, other: object): string[] {
  const [a, b] = [one, other] as Readonly<Record<string, unknown>>[];
  return [...new Set([...Object.keys(a!), ...Object.keys(b!)])].filter((key) => !isDeepStrictEqual(a![key], b![key]));
}
