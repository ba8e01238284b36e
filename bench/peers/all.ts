import { basename, resolve } from 'node:path';
import type { Options } from '../options.ts';
import { caddy } from './caddy.ts';
import { envoy } from './envoy.ts';
import { haproxy } from './haproxy.ts';
import { naive } from './naive.ts';
import { nginxLua } from './nginx-lua.ts';
import { nginx } from './nginx.ts';
import type { Peer } from './peer.ts';
import { NODES, tokenward } from './tokenward.ts';

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
    nginxLua,
    haproxy,
    envoy,
    caddy,
    tokenward({ name: 'tokenward', checkout: here, cpuProf }),
    ...NODES.map((major) => tokenward({ name: `tokenward@${major}`, checkout: here, major })),
    ...against.map((checkout) => tokenward({ name: otherBuild(checkout), checkout })),
    naive,
  ];
}
