import { getProxyForUrl } from 'proxy-from-env';
import type { LoadedConfig } from '../config/load.ts';
import { configError } from '../config/issues.ts';
import { isLoopback } from '../loopback.ts';
import { parseUrl } from '../parse-url.ts';
import { isDirect, noProxyOfEnvironment } from './no-proxy.ts';

/**
 * Returns the corporate proxy for an origin, or an empty text. Never one for this host itself. Throws a ConfigError if
 * the environment names one that cannot be used.
 */
export function egressProxy({ egressProxy: setting }: Pick<LoadedConfig, 'egressProxy'>): (origin: string) => string {
  return (origin) => {
    if (setting === 'none' || isLoopback(new URL(origin).hostname)) return '';
    if (setting !== 'environment') return setting;
    if (isDirect(origin, noProxyOfEnvironment())) return '';
    const proxy = getProxyForUrl(origin);
    if (proxy !== '' && !/^https?:$/.test(parseUrl(proxy)?.protocol ?? '')) {
      const message =
        `the proxy for ${origin} (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) is not an http:// or https:// ` +
        'URL; correct it, name the host in NO_PROXY, or set egressProxy: none';
      throw configError('environment', message);
    }
    return proxy;
  };
}
