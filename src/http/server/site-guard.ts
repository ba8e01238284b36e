import { isIP } from 'node:net';

/** Every name: for a listener whose names are not known, or that browsers cannot reach. */
const ANY = '*';

/** The host in a Host field, in lower case, without its port, its brackets and the root's dot. */
export function hostnameOf(host: string): string {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * Tells requests that pages of other sites send through somebody's browser from all others. Such a page may send what
 * it likes to an address; what it cannot do is hide its origin, or make a browser use another name than the one it
 * asked for. A name that is none of ours may be one that the page's owner has pointed here (DNS rebinding).
 */
export class SiteGuard {
  readonly #names: ReadonlySet<string>;

  readonly #boundHost: string;

  /**
   * `names`: host names by which this listener is known, beside `localhost` and addresses; `*`: whatever they are.
   * Pages from hosts of these names are no others. `bound`: what it listens on.
   */
  constructor(names: readonly string[], boundHost: string) {
    this.#names = new Set(names.map(hostnameOf));
    this.#boundHost = boundHost.toLowerCase();
  }

  /** Whether a request may come under this Host. */
  knowsHost(host: string): boolean {
    const name = hostnameOf(host);
    return (
      name === 'localhost' ||
      isIP(name) !== 0 ||
      this.#names.has(ANY) ||
      this.#names.has(name) ||
      name === this.#boundHost
    );
  }

  /**
   * Whether these fields say that a page of another site has sent the request. `origin`, `site`: `Origin` and
   * `Sec-Fetch-Site`.
   */
  isCrossSite(host: string, origin: string | undefined, site: string | undefined): boolean {
    if (origin !== undefined) {
      if (!URL.canParse(origin)) return true;
      const from = new URL(origin);
      if (this.#names.has(hostnameOf(from.host))) return false;
      const own = `${from.protocol}//${host}`;
      if (!URL.canParse(own) || new URL(own).host !== from.host) return true;
    }
    return site !== undefined && site !== 'none' && site !== 'same-origin';
  }
}
