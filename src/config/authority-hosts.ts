import type { RouteConfig } from './schema.ts';

/** The hosts that a certificate authority of this configuration may sign for: those of the routes. */
export function authorityHosts({ routes }: { readonly routes: readonly Pick<RouteConfig, 'host'>[] }): string[] {
  return [...new Set(routes.flatMap(({ host }) => host ?? []))].sort();
}
