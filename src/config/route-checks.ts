import { didYouMean, list, record, type Report } from './issues.ts';
import type { KnownFlows } from './own-flows.ts';

/**
 * Checks that names in routes and callers exist, and that prefixes differ. `elsewhere`: the accounts of `accountsFrom`.
 */
export function checkRoutes(
  raw: unknown,
  flows: KnownFlows,
  elsewhere: Pick<ReadonlySet<string>, 'size' | 'has'>,
  report: Report,
): void {
  const { accounts: inline, accountsFrom } = record(raw);
  const accounts = Object.keys(record(inline));
  if (accounts.length === 0 && elsewhere.size === 0 && (typeof inline === 'object' || inline === undefined)) {
    report(
      ['accounts'],
      inline === undefined && accountsFrom === undefined ? 'is missing' : 'needs at least one account',
    );
  }
  // A pattern says which of the upstreams that an answer names are meant.
  const mayNameUpstream = (route: unknown): boolean => {
    const { account, accountFrom } = record(route);
    if (typeof account === 'string' && !accounts.includes(account)) return elsewhere.has(account);
    const { flow } = record(accountFrom ?? record(inline)[String(account)]);
    return flows.get(String(flow))?.upstream !== undefined;
  };
  const seen = new Map<string, number>();
  list(record(raw)['routes']).forEach((item, index) => {
    const { account, accountFrom, prefix, upstream } = record(item);
    if (typeof upstream === 'string' && upstream.includes('//*.') && !mayNameUpstream(item))
      report(['routes', index, 'upstream'], 'must name one host: "*" and "{…}" have no meaning there');
    if (typeof account === 'string' && !accounts.includes(account) && !elsewhere.has(account)) {
      report(['routes', index, 'account'], `no account has this name${didYouMean(account, accounts)}`);
    }
    if (accountFrom !== undefined && account !== undefined) {
      report(['routes', index, 'accountFrom'], 'cannot be combined with account');
    }
    const { flow } = record(accountFrom);
    if (typeof flow === 'string' && !flows.has(flow)) {
      report(['routes', index, 'accountFrom', 'flow'], flows.unknown(flow));
    }
    if (typeof prefix !== 'string') return;
    const other = seen.get(prefix);
    if (other === undefined) seen.set(prefix, index);
    else report(['routes', index, 'prefix'], `is used twice (also by routes.${other})`);
  });
  list(record(raw)['callers']).forEach((item, index) => {
    const { account } = record(item);
    if (typeof account === 'string' && !accounts.includes(account) && !elsewhere.has(account)) {
      report(['callers', index, 'account'], `no account has this name${didYouMean(account, accounts)}`);
    }
  });
}
