import type { RouteConfig } from '../config/schema.ts';
import type { Attacher } from '../flows/attach.ts';
import type { Flow } from '../flows/flow.ts';
import type { RouteStats } from '../route-stats.ts';
import type { AccountChoice } from './account.ts';
import type { RejectedTokenRule } from './inspect.ts';
import type { LoginPaths } from './legacy-login.ts';
import type { Policy } from './policy.ts';
import type { Spill } from './spill.ts';
import type { StandInPlace } from './stand-in.ts';
import type { Token } from '../tokens/token.ts';
import type { UpgradeStats } from '../upgrade-stats.ts';
import type { Upstream } from '../http/client/upstream.ts';

/** A route, with everything precomputed that does not depend on the request. */
export interface Route {
  readonly config: RouteConfig;
  /** The prefix as the metric label `route`. */
  readonly name: string;
  /** Prefix of request paths; empty for `/`. */
  readonly prefix: string;
  readonly upstream: Upstream;
  /** Path of the upstream URL, without a trailing slash. */
  readonly basePath: string;
  readonly origin: string;
  readonly host: string;
  readonly account: string | undefined;
  /** Set if the account depends on the request; `account` is undefined then. */
  readonly accountChoice: AccountChoice | undefined;
  /** Whether a request field of this name is dropped. */
  readonly dropsField: (name: string) => boolean;
  /** Names and values in turn, added to every request. */
  readonly addedFields?: readonly string[] | undefined;
  /** Secret values among them, which must not appear in a response. */
  readonly secrets?: readonly string[] | undefined;
  readonly flow: Flow | undefined;
  /** Where applications send the tokens of answered logins; undefined: no caller is known by one. */
  readonly standIn: StandInPlace | undefined;
  /** The paths by which a client could log in at the upstream itself, with any account. */
  readonly logins: LoginPaths;
  /** Undefined: every request is allowed. */
  readonly policy: Policy | undefined;
  readonly attach: Attacher | undefined;
  /** Set if an answer names the upstream. */
  readonly namedUpstream?: NamedUpstream | undefined;
  /** Undefined: no response of this upstream rejects a token. */
  readonly rejectedToken: RejectedTokenRule | undefined;
  /** Undefined: bodies that are too large for memory are streamed. */
  readonly spill?: Spill | undefined;
  readonly stats: RouteStats;
  readonly upgradeStats: UpgradeStats;
}

/** Where requests of a route go whose upstream an answer names. */
export interface NamedUpstream {
  /** The route at the place for this token. Throws a TokenwardError for a place that is not meant. */
  at(route: Route, token: Token, account: string): Route;
}

const SLASH = 47;
const QUESTION_MARK = 63;

/**
 * The route with the longest matching prefix of whole segments; case matters. Expects the routes sorted by
 * `byLongestPrefix`.
 */
export function matchRoute(routes: readonly Route[], target: string): Route | undefined {
  for (const route of routes) {
    const { prefix } = route;
    if (!target.startsWith(prefix)) continue;
    if (target.length === prefix.length) return route;
    const next = target.charCodeAt(prefix.length);
    if (next === SLASH || next === QUESTION_MARK) return route;
  }
  return undefined;
}

export function byLongestPrefix(a: Route, b: Route): number {
  return b.prefix.length - a.prefix.length;
}

/**
 * The target as the upstream gets it: the bytes behind the prefix are unchanged. `before`: a path to put before them.
 */
export function upstreamTarget(route: Route, target: string, before = ''): string {
  const rest = target.slice(route.prefix.length);
  return route.basePath + before + (rest.charCodeAt(0) === SLASH ? rest : `/${rest}`);
}
