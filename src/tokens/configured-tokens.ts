import { TokenwardError } from '../errors.ts';
import type { AccountState } from './account-state.ts';
import type { Clock } from './clock.ts';
import { isSameAccount, type CredentialSource } from './credential.ts';
import { isUsable } from './lifetime.ts';
import type { TokenManager } from './manager.ts';
import type { RenewalTrigger } from './status.ts';
import type { Token } from './token.ts';

/** What the request path does with tokens. */
export type RequestTokens = Pick<
  TokenManager,
  'get' | 'getLasting' | 'renew' | 'canRenew' | 'rejected' | 'unsendable' | 'accepted' | 'isCurrent'
>;

/**
 * The tokens for the requests of one configuration. A request that is in flight when another configuration comes into
 * use goes on to the upstream of its own: it must never carry the token of an account that has the same name there and
 * is another login. It gets the former token as long as that lasts, and no renewal.
 */
export class ConfiguredTokens implements RequestTokens {
  readonly #manager: TokenManager;
  readonly #credentials: CredentialSource;
  readonly #clock: Clock;
  /** Those of the next configuration, and the accounts' states that it has released. Undefined: this one is in use. */
  #next: { readonly tokens: ConfiguredTokens; readonly released: ReadonlyMap<string, AccountState> } | undefined;

  constructor(manager: TokenManager, credentials: CredentialSource, clock: Clock) {
    this.#manager = manager;
    this.#credentials = credentials;
    this.#clock = clock;
  }

  /** Another configuration is in use from now on. */
  replacedBy(tokens: ConfiguredTokens, released: ReadonlyMap<string, AccountState>): void {
    this.#next = { tokens, released };
  }

  get(account: string, request?: RenewalTrigger): Token | Promise<Token> {
    return this.#isForeign(account) ? this.#former(account) : this.#manager.get(account, request);
  }

  getLasting(account: string, request?: RenewalTrigger): Token | Promise<Token> {
    return this.#isForeign(account) ? this.#former(account) : this.#manager.getLasting(account, request);
  }

  renew(account: string, rejected: Token, by?: string, request?: RenewalTrigger): Token | Promise<Token> {
    return this.#isForeign(account)
      ? this.#former(account, rejected)
      : this.#manager.renew(account, rejected, by, request);
  }

  canRenew(account: string): boolean {
    return !this.#isForeign(account) && this.#manager.canRenew(account);
  }

  rejected(account: string, token: Token): void {
    if (!this.#isForeign(account)) this.#manager.rejected(account, token);
  }

  unsendable(account: string, token: Token, why: string): void {
    if (!this.#isForeign(account)) this.#manager.unsendable(account, token, why);
  }

  accepted(account: string, token: Token): void {
    if (!this.#isForeign(account)) this.#manager.accepted(account, token);
  }

  isCurrent(account: string, token: Token): boolean {
    return this.#isForeign(account) || this.#manager.isCurrent(account, token);
  }

  /** Whether the account is gone, or another login than in this configuration. */
  #isForeign(account: string): boolean {
    if (this.#next === undefined) return false;
    const own = this.#credentials.get(account);
    const present = this.#manager.credentialOf(account);
    return own === undefined || present === undefined || !isSameAccount(own, present);
  }

  #former(account: string, rejected?: Token): Token {
    const own = this.#credentials.get(account);
    for (let next = this.#next; next !== undefined; next = next.tokens.#next) {
      const { token, credential } = next.released.get(account) ?? {};
      if (token === undefined || token === rejected || !isUsable(token, this.#clock)) continue;
      if (own !== undefined && isSameAccount(own, credential!)) return token;
    }
    const detail = `account ${account} was changed or removed while the request was in flight`;
    throw new TokenwardError('token_unavailable', { detail, retryAfter: 1 });
  }
}
