import type { LoadedConfig } from '../../config/load.ts';
import type { CallerConfig, RouteConfig } from '../../config/schema.ts';
import { isLoopback } from '../../loopback.ts';
import { parseUrl } from '../../parse-url.ts';
import { keyDigest } from '../../proxy/caller.ts';
import { trimEnd } from '../../trim-end.ts';
import { UsageError } from '../usage-error.ts';

/** What a run changes in a configuration. */
export interface RunOptions {
  /** The key of the command; undefined: none is needed. */
  readonly key: string | undefined;
  /** The configured caller as which the command calls. Undefined: it may use every route. */
  readonly caller: string | undefined;
  /** Further hosts to which tunnels may lead. */
  readonly tunnel: readonly string[];
}

/** The caller's name in metrics, if the configuration's callers are not asked for. */
const RUN_CALLER = 'run';

/**
 * The configuration for one command: a forward proxy on a free port of loopback, with one caller. A route without a
 * host also gets the host of its upstream: this is what the command calls. Throws a UsageError.
 */
export function runConfig(config: LoadedConfig, { key, caller, tunnel }: RunOptions): LoadedConfig {
  const { derived, secretHeaders } = routesByUpstream(config);
  const routes = [...config.routes, ...derived];
  if (!routes.some(({ host }) => host !== undefined))
    throw new UsageError('no route has a host or an https upstream, so that there is nothing to stand in front of');
  return {
    ...config,
    routes,
    secretHeaders,
    callers: key === undefined ? 'none' : [callerOf(config, caller, key)],
    jwt: undefined,
    workers: 1,
    listeners: [
      {
        ...config.listeners[0]!,
        host: '127.0.0.1',
        port: 0,
        socket: undefined,
        tls: undefined,
        forward: { tunnel: [...config.listeners.flatMap(({ forward }) => forward?.tunnel ?? []), ...tunnel] },
      },
    ],
  };
}

function callerOf({ callers }: LoadedConfig, name: string | undefined, key: string): CallerConfig {
  const digest = keyDigest(key);
  if (name === undefined) return { name: RUN_CALLER, key: digest };
  const found = callers === 'none' ? undefined : callers.find((one) => one.name === name);
  if (found === undefined) throw new UsageError(`--caller ${name}: no caller has this name`);
  return { ...found, key: digest, certificate: undefined, jwt: undefined };
}

/** Routes by the hosts of https upstreams, where a host and path lead to one route only. */
function routesByUpstream(config: LoadedConfig): {
  derived: RouteConfig[];
  secretHeaders: ReadonlyMap<string, readonly string[]>;
} {
  const secretHeaders = new Map(config.secretHeaders);
  const taken = new Set(config.routes.map(({ host, prefix }) => `${host ?? ''} ${prefix}`));
  const found = new Map<string, RouteConfig[]>();
  for (const route of config.routes) {
    const url = route.host === undefined ? parseUrl(route.upstream) : undefined;
    if (url?.protocol !== 'https:' || url.port !== '' || url.hostname.includes('*') || isLoopback(url.hostname))
      continue;
    const prefix = trimEnd(url.pathname, '/') || '/';
    const name = prefix === '/' ? url.hostname : url.hostname + prefix;
    if (taken.has(`${url.hostname} ${prefix}`)) continue;
    found.set(name, [...(found.get(name) ?? []), { ...route, host: url.hostname, prefix, name }]);
    const secrets = config.secretHeaders.get(route.name);
    if (secrets !== undefined) secretHeaders.set(name, secrets);
  }
  // Of two routes to one place, none is the one that is meant.
  return { derived: [...found.values()].filter((same) => same.length === 1).flat(), secretHeaders };
}
