import { parseUrl } from '../parse-url.ts';
import type { RouteConfig } from './schema.ts';

/**
 * The hosts that a certificate authority of this configuration may sign for: those of the routes' https upstreams, as
 * applications name them. An upstream that an answer names (`https://*.vendor.example`) is no one host, and is left
 * out.
 */
export function authorityHosts({ routes }: { readonly routes: readonly Pick<RouteConfig, 'upstream'>[] }): string[] {
  const urls = routes.map(({ upstream }) => parseUrl(upstream)).filter((url) => url !== undefined);
  const hosts = urls.filter(({ protocol, hostname }) => protocol === 'https:' && !hostname.includes('*'));
  return [...new Set(hosts.map(({ hostname }) => hostname.replace(/^\[(.*)\]$/, '$1')))].sort();
}
