import { LRUCache } from 'lru-cache';
import type { RouteConfig } from '../config/schema.ts';
import { TokenwardError } from '../errors.ts';
import type { ValuesOf } from '../flows/attach.ts';
import { isAllowed } from '../flows/hosts.ts';
import { fillUrl, UnfillableError } from '../flows/template.ts';
import type { Upstream } from '../http/client/upstream.ts';
import { parseUrl } from '../parse-url.ts';
import type { Token } from '../tokens/token.ts';
import { trimEnd } from '../trim-end.ts';
import type { NamedUpstream, Route } from './route.ts';

/** Places of one route that are remembered; an account's upstream rarely changes. */
const MAX_PLACES = 2_000;

/**
 * The route at the upstream that an answer has named, such as a Salesforce instance. It must be one that the route's
 * own upstream stands for (`https://*.my.salesforce.com`), and below its path, if it has one: a credential goes there.
 * `connect` returns one upstream for each origin, as long as its connections are kept.
 */
export function namedUpstream(
  template: string,
  { upstream: pattern, name }: RouteConfig,
  valuesOf: ValuesOf,
  connect: (origin: string) => Upstream,
): NamedUpstream {
  const [hosts = '', ...path] = pattern.replace(/^https?:\/\//i, '').split('/');
  const base = trimEnd(['', ...path].join('/'), '/');
  const places = new LRUCache<string, Route>({ maxSize: MAX_PLACES, sizeCalculation: () => 1 });
  const byToken = new WeakMap<Token, string>();
  const at = (route: Route, token: Token, account: string): Route => {
    let text = byToken.get(token);
    if (text === undefined) byToken.set(token, (text = filled(template, token, account, valuesOf)));
    let place = places.get(text);
    if (place !== undefined && place.upstream !== connect(place.origin)) place = undefined;
    if (place === undefined) {
      const url = parseUrl(text);
      const isBelow = url !== undefined && `${url.pathname}/`.startsWith(`${base}/`);
      if (!isBelow || !isAllowed(text, hosts) || url.search !== '' || url.hash !== '') {
        const detail = `an answer names an upstream that the upstream of ${name} does not stand for`;
        throw new TokenwardError('upstream_not_allowed', { detail });
      }
      place = {
        ...route,
        upstream: connect(url.origin),
        origin: url.origin,
        host: url.host,
        basePath: trimEnd(url.pathname, '/'),
      };
      places.set(text, place);
    }
    return place;
  };
  return { at };
}

function filled(template: string, token: Token, account: string, valuesOf: ValuesOf): string {
  try {
    return fillUrl(template, { ...valuesOf(account), ...token.revealValues() });
  } catch (error) {
    if (!(error instanceof UnfillableError)) throw error;
    throw new TokenwardError('token_unavailable', { detail: `the upstream of account ${account}: ${error.message}` });
  }
}
