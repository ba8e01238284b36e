import type { RouteConfig } from '../config/schema.ts';
import type { TokenAttacher } from '../flows/attach.ts';
import type { Flow } from '../flows/flow.ts';
import type { RouteStats } from '../route-stats.ts';
import type { AccountChoice } from './account.ts';
import type { RejectedTokenRule } from './inspect.ts';
import type { LoginPaths } from './legacy-login.ts';
import type { Policy } from './policy.ts';
import type { Upstream } from '../http/client/upstream.ts';

/** A route ready for use: everything that does not depend on the request is worked out once. */
export interface Route {
  readonly config: RouteConfig;
  /** The prefix as the metric label `route`. */
  readonly name: string;
  /** What paths start with: the prefix, or nothing for `/`. */
  readonly prefix: string;
  readonly upstream: Upstream;
  /** Path of the upstream URL, without a slash at its end. */
  readonly basePath: string;
  readonly origin: string;
  readonly host: string;
  readonly account: string | undefined;
  /** Where the account depends on the request; then `account` is undefined. */
  readonly accountChoice: AccountChoice | undefined;
  /** Whether a field of a request that has this name ends here. */
  readonly dropsField: (name: string) => boolean;
  /** Names and values in turn that the route adds to every request. */
  readonly addedFields?: readonly string[] | undefined;
  /** Of their values, those that must not come back in a reply. */
  readonly secrets?: readonly string[] | undefined;
  readonly flow: Flow | undefined;
  /** The paths by which a caller would log in at the upstream himself, with this account or another one. */
  readonly logins: LoginPaths;
  /** Undefined: every call may go out. */
  readonly policy: Policy | undefined;
  readonly attach: TokenAttacher | undefined;
  /** Undefined: no reply of this upstream means a dead token. */
  readonly rejectedToken: RejectedTokenRule | undefined;
  readonly stats: RouteStats;
}

const SLASH = 47;
const QUESTION_MARK = 63;

/**
 * The route with the longest prefix made of whole segments; case counts. Expects the routes sorted by
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

/** The target as the upstream gets it: the same bytes behind the prefix. */
export function upstreamTarget(route: Route, target: string): string {
  const rest = target.slice(route.prefix.length);
  return route.basePath + (rest.charCodeAt(0) === SLASH ? rest : `/${rest}`);
}
