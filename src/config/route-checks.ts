import { didYouMean, list, record, type Report } from './issues.ts';
import { routeName } from './schema/route.ts';
import type { KnownFlows } from './own-flows.ts';

/** The name of a route that is not checked yet; undefined: it has none. */
export function rawRouteName(route: unknown): string | undefined {
  const { host, prefix } = record(route);
  return routeName(typeof host === 'string' ? host : undefined, typeof prefix === 'string' ? prefix : undefined);
}

/**
 * Checks that names in routes and callers exist, and that prefixes differ. `elsewhere`: the accounts of `accountsFrom`,
 * with the names of their flows.
 */
export function checkRoutes(
  raw: unknown,
  flows: KnownFlows,
  elsewhere: Pick<ReadonlyMap<string, string>, 'size' | 'has' | 'get'>,
  report: Report,
): void {
  const { accounts: inline, accountsFrom } = record(raw);
  const accounts = Object.keys(record(inline));
  if (
    accounts.length === 0 &&
    elsewhere.size === 0 &&
    ((typeof inline === 'object' && !Array.isArray(inline)) || inline === undefined)
  ) {
    report(
      ['accounts'],
      inline === undefined && accountsFrom === undefined ? 'is missing' : 'needs at least one account',
      'missing',
    );
  }
  // Of other accounts than a mapping no name is known, which has been reported.
  const isMapping = inline === undefined || record(inline) === inline;
  // A pattern says which of the upstreams that an answer names are meant.
  const mayNameUpstream = (route: unknown): boolean => {
    const { account, accountFrom } = record(route);
    if (typeof account === 'string' && !accounts.includes(account) && elsewhere.has(account))
      return flows.get(elsewhere.get(account)!)?.upstream !== undefined;
    // All accounts that such a route may use have this one flow.
    const { flow } = record(accountFrom ?? record(inline)[String(account)]);
    return flows.get(String(flow))?.upstream !== undefined;
  };
  checkSpills(raw, report);
  const seen = new Map<string, number>();
  list(record(raw)['routes']).forEach((item, index) => {
    const { account, accountFrom, prefix, host, upstream } = record(item);
    if (typeof upstream === 'string' && upstream.includes('//*.') && !mayNameUpstream(item))
      report(['routes', index, 'upstream'], 'must name one host: "*" and "{…}" have no meaning there');
    if (typeof account === 'string' && isMapping && !accounts.includes(account) && !elsewhere.has(account)) {
      report(['routes', index, 'account'], `no account has this name${didYouMean(account, accounts)}`, 'unknown_name');
    }
    if (accountFrom !== undefined && account !== undefined) {
      report(['routes', index, 'accountFrom'], 'cannot be combined with account');
    }
    const { flow } = record(accountFrom);
    if (typeof flow === 'string' && !flows.has(flow)) {
      report(['routes', index, 'accountFrom', 'flow'], flows.unknown(flow), 'unknown_name');
    }
    const name = rawRouteName(item);
    if (name === undefined) return;
    const other = seen.get(name);
    if (other === undefined) seen.set(name, index);
    else
      report(
        ['routes', index, prefix === undefined ? 'host' : 'prefix'],
        host === undefined
          ? `is used twice (also by routes[${other}])`
          : `is used twice for this host (also by routes[${other}])`,
      );
  });
  list(record(raw)['callers']).forEach((item, index) => {
    const { account } = record(item);
    if (typeof account === 'string' && isMapping && !accounts.includes(account) && !elsewhere.has(account)) {
      report(['callers', index, 'account'], `no account has this name${didYouMean(account, accounts)}`, 'unknown_name');
    }
  });
}

/** One folder has one limit, whichever route's bodies lie there. */
function checkSpills(raw: unknown, report: Report): void {
  const limits = new Map<unknown, { readonly most: unknown; readonly index: number }>();
  list(record(raw)['routes']).forEach((item, index) => {
    const { path, most } = record(record(item)['spill']);
    if (path === undefined || most === undefined) return;
    const known = limits.get(path);
    if (known === undefined) limits.set(path, { most, index });
    else if (known.most !== most)
      report(['routes', index, 'spill', 'most'], `must be as at routes[${known.index}], which has the same path`);
  });
}
