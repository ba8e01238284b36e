import { hostnameOf } from '../http/server/site-guard.ts';
import { byLongestPrefix, matchRoute, type Route } from './route.ts';

/** The routes of one host name, or those of every other. */
export interface RoutesOfHost {
  /** In lower case; undefined: requests to every host that no route names. */
  readonly host: string | undefined;
  /** The longest prefix first. */
  readonly routes: readonly Route[];
}

/**
 * Finds a request's route. A host that a route names is that of the vendor, for an application whose URL cannot be
 * changed: no other route is served there.
 */
export class RouteTable {
  readonly all: readonly Route[];
  readonly #byHost: ReadonlyMap<string, RouteList>;
  readonly #others: RouteList;

  constructor(routes: readonly Route[]) {
    this.all = routes.toSorted(byLongestPrefix);
    const byHost = new Map<string, Route[]>();
    for (const route of this.all) {
      const { host } = route.config;
      if (host !== undefined) byHost.set(host, [...(byHost.get(host) ?? []), route]);
    }
    this.#byHost = new Map(Array.from(byHost, ([host, list]) => [host, new RouteList(list)]));
    this.#others = new RouteList(this.all.filter(({ config }) => config.host === undefined));
  }

  /** The route of a validated target. `host`: the request's Host field. */
  match(target: string, host: string | string[] | undefined): Route | undefined {
    return (this.#byHost.size === 0 ? this.#others : this.#listOf(host)).match(target);
  }

  /** The routes of a Host field. */
  routesOf(host: string | string[] | undefined): readonly Route[] {
    return this.#listOf(host).routes;
  }

  /** Every list of routes that requests are matched with. */
  get lists(): readonly (readonly Route[])[] {
    return [...this.#byHost.values(), this.#others].map(({ routes }) => routes);
  }

  #listOf(host: string | string[] | undefined): RouteList {
    return (typeof host === 'string' && this.#byHost.get(hostnameOf(host))) || this.#others;
  }
}

/** So many routes are compared one by one sooner than looked up. */
const FEW_ROUTES = 16;
/** What ends the first segment of a target. */
const SEGMENT_END = /[/?]/g;

/** Routes that requests are matched with: of 5,000, one by one took longer than all the rest of a small request. */
class RouteList {
  readonly routes: readonly Route[];
  /** By the first segment of their prefixes. Undefined: they are few. */
  readonly #byFirstSegment: ReadonlyMap<string, readonly Route[]> | undefined;
  /** For all targets that no other route has. */
  readonly #root: Route | undefined;

  /** `routes`: the longest prefix first. */
  constructor(routes: readonly Route[]) {
    this.routes = routes;
    this.#root = routes.find(({ prefix }) => prefix === '');
    if (routes.length <= FEW_ROUTES) return;
    const byFirstSegment = new Map<string, Route[]>();
    for (const route of routes) {
      const segment = firstSegmentOf(route.prefix);
      const same = byFirstSegment.get(segment);
      if (same === undefined) byFirstSegment.set(segment, [route]);
      else same.push(route);
    }
    this.#byFirstSegment = byFirstSegment;
  }

  match(target: string): Route | undefined {
    if (this.#byFirstSegment === undefined) return matchRoute(this.routes, target);
    const routes = this.#byFirstSegment.get(firstSegmentOf(target));
    return (routes && matchRoute(routes, target)) ?? this.#root;
  }
}

function firstSegmentOf(path: string): string {
  SEGMENT_END.lastIndex = 1;
  return SEGMENT_END.test(path) ? path.slice(0, SEGMENT_END.lastIndex - 1) : path;
}
