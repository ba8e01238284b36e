import { isIP } from 'node:net';
import { parseUrl } from '../../parse-url.ts';

/** Any name: for a listener whose names are not known, or that browsers cannot reach. */
const ANY = '*';

/** The host of a Host field, in lower case, without port, brackets and trailing dot. */
export function hostnameOf(host: string): string {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * Recognises requests that pages of other sites send through a browser. Such a page can send requests to any address,
 * but it cannot hide its origin, or make the browser send another Host than the name it used. An unknown name may be
 * one that the page's owner has pointed at this address (DNS rebinding).
 */
export class SiteGuard {
  readonly #names: ReadonlySet<string>;

  readonly #boundHost: string;

  readonly #routeHosts: ReadonlySet<string>;

  /**
   * `names`: host names of this listener, besides `localhost` and IP addresses; `*`: any. Pages from these hosts are
   * allowed. `boundHost`: the host it listens on. `routeHosts`: names of routes, whose pages have no such right.
   */
  constructor(names: readonly string[], boundHost: string, routeHosts: readonly string[] = []) {
    this.#routeHosts = new Set(routeHosts);
    this.#names = new Set(names.map(hostnameOf));
    this.#boundHost = boundHost.toLowerCase();
  }

  /** Whether a request may have this Host. */
  knowsHost(host: string): boolean {
    const name = hostnameOf(host);
    return (
      name === 'localhost' ||
      isIP(name) !== 0 ||
      this.#names.has(ANY) ||
      this.#names.has(name) ||
      this.#routeHosts.has(name) ||
      name === this.#boundHost
    );
  }

  /** Whether the fields `Origin` and `Sec-Fetch-Site` show that a page of another site sent the request. */
  isCrossSite(host: string, origin: string | undefined, site: string | undefined): boolean {
    if (origin !== undefined) {
      const from = parseUrl(origin);
      if (from === undefined) return true;
      if (this.#names.has(hostnameOf(from.host))) return false;
      if (parseUrl(`${from.protocol}//${host}`)?.host !== from.host) return true;
    }
    return site !== undefined && site !== 'none' && site !== 'same-origin';
  }
}
