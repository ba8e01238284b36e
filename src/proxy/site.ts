import { isIP } from 'node:net';
import { TokenwardError } from '../errors.ts';

/** Every name: for a listener whose names are not known, or that browsers cannot reach. */
const ANY = '*';

/** The host in a Host field, in lower case, without its port, its brackets and the root's dot. */
export function hostnameOf(host: string): string {
  const name = host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * Tells requests that pages of other sites send through somebody's browser from all others. Such a page may send what it
 * likes to an address; what it cannot do is hide its origin, or make a browser use another name than the one it asked
 * for. A name that is none of ours may be one that the page's owner has pointed here (DNS rebinding).
 */
export class SiteGuard {
  readonly #names: ReadonlySet<string>;

  readonly #bound: string;

  /**
   * `names`: host names by which this listener is known, beside `localhost` and addresses; `*`: whatever they are. Pages
   * from hosts of these names are no others. `bound`: what it listens on.
   */
  constructor(names: readonly string[], bound: string) {
    this.#names = new Set(names.map(hostnameOf));
    this.#bound = bound.toLowerCase();
  }

  /** Whether a request may come under this Host. */
  knowsHost(host: string): boolean {
    const name = hostnameOf(host);
    return name === 'localhost' || isIP(name) !== 0 || this.#names.has(ANY) || this.#names.has(name) || name === this.#bound;
  }

  /** Whether these fields say that a page of another site has sent the request. `origin`, `site`: `Origin` and `Sec-Fetch-Site`. */
  isOthers(host: string, origin: string | undefined, site: string | undefined): boolean {
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

/** What the listener asks of every request, whoever sent it. */
export interface Door {
  /** Undefined: callers are known by a proof of their own, which no page has. */
  readonly guard: SiteGuard | undefined;
  /** In lower case: a field that every request must have. */
  readonly header: string | undefined;
}

/** Refuses a request that may not come in by this door. `rawHeaders` have passed the gate. Throws a TokenwardError. */
export function checkDoor({ guard, header }: Door, rawHeaders: readonly string[]): void {
  let host: string | undefined;
  let origins: string[] | undefined;
  let sites: string[] | undefined;
  let present = header === undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    // By length first: nearly every field is told apart by it.
    if (name.length === 4 && name.toLowerCase() === 'host') host = rawHeaders[i + 1];
    else if (name.length === 6 && name.toLowerCase() === 'origin') (origins ??= []).push(rawHeaders[i + 1]!);
    else if (name.length === 14 && name.toLowerCase() === 'sec-fetch-site') (sites ??= []).push(rawHeaders[i + 1]!);
    if (!present && name.length === header!.length && name.toLowerCase() === header && rawHeaders[i + 1] !== '') present = true;
  }
  if (!present) throw new TokenwardError('required_header_missing', { detail: `listen.requireHeader asks for ${header!}` });
  // Without one it is HTTP/1.0, which no browser speaks.
  if (guard === undefined || host === undefined) return;
  if (!guard.knowsHost(host)) throw new TokenwardError('host_refused', { detail: 'the Host is neither an address, nor localhost, nor one of listen.hosts' });
  for (const origin of origins ?? [undefined]) {
    for (const site of sites ?? [undefined]) if (guard.isOthers(host, origin, site)) throw new TokenwardError('cross_site_refused');
  }
}
