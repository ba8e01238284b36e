import { basename, resolve } from 'node:path';
import type { Options } from '../options.ts';
import { haproxy } from './haproxy.ts';
import { naive } from './naive.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';
import { tokenward } from './tokenward.ts';

/** Ratios are taken against this one. */
export const REFERENCE = 'nginx';

/** Another build's name, by its folder. */
export function otherBuild(checkout: string): string {
  return `build:${basename(resolve(checkout))}`;
}

export function isOtherBuild(name: string): boolean {
  return name.startsWith('build:');
}

export function allPeers({ against, cpuProf }: Pick<Options, 'against' | 'cpuProf'>): Peer[] {
  const here = resolve(import.meta.dirname, '../..');
  return [
    nginx,
    haproxy,
    tokenward('tokenward', here, cpuProf),
    ...against.map((checkout) => tokenward(otherBuild(checkout), checkout)),
    naive,
  ];
}
