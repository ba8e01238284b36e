import { readFileSync } from 'node:fs';

/** A package that runs with tokenward, as package-lock.json has it. */
export interface LockedPackage {
  /** `node_modules/redis`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** It holds programs for one system, and is installed on that one only. */
  readonly isForOneSystem: boolean;
}

interface Entry {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly os?: readonly string[];
}

/** Every package but those for development, by name. */
export function lockedPackages(lockFile = 'package-lock.json'): LockedPackage[] {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as { packages: Record<string, Entry> };
  return Object.entries(packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .map(([path, { version, license = 'unknown', os }]) => ({
      path,
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version,
      license,
      isForOneSystem: os !== undefined,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
}
