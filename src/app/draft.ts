import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from '../config/load.ts';
import type { SendTokenCall } from '../flows/run.ts';
import { OauthMemory } from '../flows/oauth/memory.ts';
import type { Metrics } from '../metrics.ts';
import { Callers } from '../proxy/caller.ts';
import { JwtCheck } from '../proxy/jwt.ts';
import type { KeyThrottle } from '../proxy/key-throttle.ts';
import { RouteTable } from '../proxy/route-table.ts';
import type { StandIns } from '../proxy/stand-in.ts';
import type { Clock } from '../tokens/clock.ts';
import { credentialSource, type AccountCredentials } from './credentials.ts';
import { egressProxy } from './egress-proxy.ts';
import { guardTokenEndpoint } from './login-guard.ts';
import { routeOf } from './routes.ts';
import type { SpillFolders } from './spills.ts';
import { senders } from './token-senders.ts';
import type { Upstreams } from './upstreams.ts';

/** What a process has only once, whatever its configuration. */
export interface DraftParts {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly upstreams: Upstreams;
  readonly spills: SpillFolders;
  readonly keyThrottle: KeyThrottle;
  readonly endpoints: TokenEndpoints;
  readonly sendTokenCall?: SendTokenCall | undefined;
  /** Undefined as long as the store is not open. */
  readonly standIns: () => StandIns | undefined;
}

/** What a configuration describes, made from it and the files that it names. It serves nothing yet. */
export interface Draft {
  readonly config: LoadedConfig;
  readonly via: (origin: string) => string;
  readonly credentials: AccountCredentials;
  readonly routes: RouteTable;
  /** Undefined: callers are not authenticated. */
  readonly callers: Callers | undefined;
  readonly jwt: JwtCheck | undefined;
  /** Its entries in Upstreams. */
  readonly upstreamKeys: ReadonlySet<string>;
}

/**
 * Token endpoints that the metadata of authorization servers has named, which no configuration does: clients must not
 * log in there through any route, nor through one that a reload brings.
 */
export class TokenEndpoints {
  readonly #urls = new Map<string, URL>();
  #routes: RouteTable | undefined;
  /** What is known of authorization servers; for all configurations. */
  readonly memory = new OauthMemory(undefined, (url) => {
    this.#urls.set(url.href, url);
    if (this.#routes !== undefined) guardTokenEndpoint(this.#routes.all, url);
  });

  /** These routes are served from now on. */
  guard(routes: RouteTable): void {
    this.#routes = routes;
    for (const url of this.#urls.values()) guardTokenEndpoint(routes.all, url);
  }
}

/**
 * Makes everything of a configuration that needs no store. `former`: of the one in use, whose connections, cookies and
 * key sets go on to be used where they are the same. Rejects with an error that names the file that cannot be used.
 */
export async function draft(config: LoadedConfig, parts: DraftParts, former?: Draft): Promise<Draft> {
  const { metrics, clock, upstreams } = parts;
  const via = egressProxy(config);
  const { memory } = parts.endpoints;
  const credentials = credentialSource(config, clock, senders(parts.sendTokenCall, via), { memory });
  const spills = await parts.spills.open(config);
  const formerRoutes = new Map(former?.routes.all.map((route) => [route.name, route]));
  const upstreamKeys = new Set<string>();
  const routes = new RouteTable(
    config.routes.map((route) => {
      const { key, connect } = upstreams.of(route, config.source.tlsFiles, config.egressProxy, via);
      upstreamKeys.add(key);
      const { valuesOf } = credentials;
      return routeOf(route, config, { metrics, connect, valuesOf, spills, former: formerRoutes.get(route.name) });
    }),
  );
  const sameJwt = former !== undefined && isDeepStrictEqual(former.config.jwt, config.jwt);
  const jwt = sameJwt ? former.jwt : config.jwt && new JwtCheck(config.jwt, clock);
  const callers =
    config.callers === 'none' ? undefined : new Callers(config.callers, jwt, parts.keyThrottle, parts.standIns);
  return { config, via, credentials, routes, callers, jwt, upstreamKeys };
}
