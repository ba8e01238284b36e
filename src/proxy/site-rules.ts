import { TokenwardError } from '../errors.ts';
import type { SiteGuard } from '../http/server/site-guard.ts';

/** What the listener requires of every request, from any client. */
export interface SiteRules {
  /** Undefined: callers authenticate with a key, token or certificate, which no page of another site has. */
  readonly guard: SiteGuard | undefined;
  /** A field that every request must have, in lower case. */
  readonly header: string | undefined;
  /** Which pages may ask for another protocol if callers authenticate. */
  readonly pages?: SiteGuard | undefined;
  /** What the forward proxy requires. Undefined: this is none. */
  readonly forward?: ForwardRules | undefined;
  /** The requests come through tunnels, each of which is for one host. */
  readonly inTunnels?: boolean;
}

export interface ForwardRules {
  /** The hosts of routes, in lower case. */
  readonly hosts: ReadonlySet<string>;
  /** The rules of requests to these hosts. */
  readonly site: SiteRules;
  /** Names of this listener itself. */
  readonly own: SiteGuard;
}

/** Refuses a request that violates the listener's rules. `rawHeaders` have been validated. Throws a TokenwardError. */
export function checkSiteRules({ guard, header }: SiteRules, rawHeaders: readonly string[]): void {
  let host: string | undefined;
  let origins: string[] | undefined;
  let sites: string[] | undefined;
  let present = header === undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    // By length first, which rules out nearly every field.
    if (name.length === 4 && name.toLowerCase() === 'host') host = rawHeaders[i + 1];
    else if (name.length === 6 && name.toLowerCase() === 'origin') (origins ??= []).push(rawHeaders[i + 1]!);
    else if (name.length === 14 && name.toLowerCase() === 'sec-fetch-site') (sites ??= []).push(rawHeaders[i + 1]!);
    if (!present && name.length === header!.length && name.toLowerCase() === header && rawHeaders[i + 1] !== '')
      present = true;
  }
  if (!present)
    throw new TokenwardError('required_header_missing', { detail: `listen.requireHeader requires ${header!}` });
  // Without a Host it is HTTP/1.0, which no browser uses.
  if (guard === undefined || host === undefined) return;
  if (!guard.knowsHost(host))
    throw new TokenwardError('host_refused', {
      detail: 'the Host is neither an address, nor localhost, nor one of listen.hosts',
    });
  refuseCrossSite(guard, host, origins, sites);
}

/** Refuses a request that a page of another site has sent. Throws a TokenwardError. */
export function checkOrigin(guard: SiteGuard, rawHeaders: readonly string[]): void {
  const valuesOf = (name: string): string[] | undefined => {
    const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
    return values.length === 0 ? undefined : values;
  };
  refuseCrossSite(guard, valuesOf('host')?.[0] ?? '', valuesOf('origin'), valuesOf('sec-fetch-site'));
}

function refuseCrossSite(
  guard: SiteGuard,
  host: string,
  origins: readonly string[] | undefined,
  sites: readonly string[] | undefined,
): void {
  for (const origin of origins ?? [undefined]) {
    for (const site of sites ?? [undefined])
      if (guard.isCrossSite(host, origin, site)) throw new TokenwardError('cross_site_refused');
  }
}
