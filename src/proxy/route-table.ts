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
  readonly #byHost: ReadonlyMap<string, readonly Route[]>;
  readonly #others: readonly Route[];

  constructor(routes: readonly Route[]) {
    this.all = routes.toSorted(byLongestPrefix);
    const byHost = new Map<string, Route[]>();
    for (const route of this.all) {
      const { host } = route.config;
      if (host !== undefined) byHost.set(host, [...(byHost.get(host) ?? []), route]);
    }
    this.#byHost = byHost;
    this.#others = this.all.filter(({ config }) => config.host === undefined);
  }

  /** The route of a validated target. `host`: the request's Host field. */
  match(target: string, host: string | string[] | undefined): Route | undefined {
    return matchRoute(this.#byHost.size === 0 ? this.#others : this.routesOf(host), target);
  }

  /** The routes of a Host field. */
  routesOf(host: string | string[] | undefined): readonly Route[] {
    return (typeof host === 'string' && this.#byHost.get(hostnameOf(host))) || this.#others;
  }

  /** Every list of routes that requests are matched with. */
  get lists(): readonly (readonly Route[])[] {
    return [...this.#byHost.values(), this.#others];
  }
}
