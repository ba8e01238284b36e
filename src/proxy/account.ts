import { TokenwardError } from '../errors.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { matchesPatterns, type AccountPatterns } from './account-patterns.ts';
import type { Caller } from './caller.ts';

/** How a route chooses an account by the request. */
export interface AccountChoice {
  /** The field that names the account, in lower case; undefined: the caller decides. */
  readonly header: string | undefined;
  readonly allow: AccountPatterns;
  /** Whether an account of this name exists and suits the route. */
  readonly serves: (account: string) => boolean;
}

/**
 * The account of a request: the one that its header field names, else the caller's own. Throws if there is none, if the
 * caller or the route may not use it, or if it does not exist. Permission is checked before existence, so that nobody
 * can find out which accounts exist.
 */
export function chooseAccount(
  { header, allow, serves }: AccountChoice,
  request: InboundRequest,
  caller: Caller | undefined,
): string {
  const requested = header === undefined ? undefined : request.field(header);
  if (requested === undefined || requested === '') {
    const own = caller?.account;
    if (own === undefined)
      throw new TokenwardError('account_missing', header === undefined ? {} : { detail: `header ${header}` });
    if (!serves(own)) throw new TokenwardError('account_unknown', { detail: `account ${own}` });
    return own;
  }
  // A repeated field comes as a list, or joined by a comma, which no name contains.
  const account = typeof requested === 'string' ? requested : '';
  if (account !== caller?.account && (!matchesPatterns(allow, account) || !mayUse(caller, account)))
    throw new TokenwardError('account_not_allowed');
  if (!serves(account)) throw new TokenwardError('account_unknown');
  return account;
}

/**
 * A caller with an account may use only that one, unless `accounts` allows others; a caller without one may use all
 * that the route allows.
 */
function mayUse(caller: Caller | undefined, account: string): boolean {
  if (caller?.accounts === undefined) return caller?.account === undefined;
  return matchesPatterns(caller.accounts, account);
}
