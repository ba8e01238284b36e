import { TokenwardError } from '../errors.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import { matchesPatterns, type AccountPatterns } from './account-patterns.ts';
import type { Caller } from './caller.ts';

/** Finds a request's account where it depends on the request. */
export interface AccountChoice {
  /** In lower case; undefined: only the caller decides. */
  readonly header: string | undefined;
  readonly allow: AccountPatterns;
  /** Whether there is an account of this name that this route can use. */
  readonly serves: (account: string) => boolean;
}

/**
 * The account of a request: the one its header names, else the caller's own. Throws if there is none, if this caller or
 * this route may not use it, or if it does not exist. What may not be used is said first: so nobody can find out by
 * asking which of those exist.
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
  // Sent twice it comes as a list, or as one text with a comma: the name of nobody.
  const account = typeof requested === 'string' ? requested : '';
  if (account !== caller?.account && (!matchesPatterns(allow, account) || !mayUse(caller, account)))
    throw new TokenwardError('account_not_allowed');
  if (!serves(account)) throw new TokenwardError('account_unknown');
  return account;
}

/** Who has an account is confined to it unless told otherwise; who has none may name all that the route allows. */
function mayUse(caller: Caller | undefined, account: string): boolean {
  if (caller?.accounts === undefined) return caller?.account === undefined;
  return matchesPatterns(caller.accounts, account);
}
