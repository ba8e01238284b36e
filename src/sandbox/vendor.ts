import { checkChange, describeSettings } from './settings.ts';
import type { VendorName } from './ledger.ts';
import type { Handler } from './listen.ts';
import { TokenIssuer } from './token-issuer.ts';
import type { AccessToken, Pair, RefreshToken } from './tokens.ts';
import { VendorRequests } from './vendor-requests.ts';
import { VendorState, type Shared } from './vendor-state.ts';
import type { AnySettings, Dialect } from './vendors/dialect.ts';

/** A pair as tests see it, secrets included. */
export interface CurrentToken {
  readonly id: string;
  readonly owner: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Milliseconds, by the vendor's clock. */
  readonly accessEndsAt: number;
  readonly refreshEndsAt: number;
  readonly accessState: AccessToken['state'];
  readonly refreshState: RefreshToken['state'];
}

/**
 * One imitated vendor, and what a test may do to it. The methods act at once, on every request not decided yet.
 * Where one takes an owner, it means that account's pair; without one, the pair issued last to anybody.
 */
export class Vendor<K extends AnySettings, C extends object> {
  readonly name: VendorName;
  /** Live settings. May be changed in place; `set` also checks. */
  readonly settings: K;
  /** Credentials that may log in. */
  readonly accounts: C[];
  readonly #state: VendorState<K, C>;
  readonly #issuer: TokenIssuer<K, C>;
  readonly #requests: VendorRequests<K, C>;

  constructor(dialect: Dialect<K, C>, account: C, shared: Shared) {
    this.#state = new VendorState(dialect, account, shared);
    this.#issuer = new TokenIssuer(this.#state);
    this.#requests = new VendorRequests(this.#state, this.#issuer);
    this.name = dialect.name;
    this.settings = this.#state.settings;
    this.accounts = this.#state.accounts;
  }

  /** Serves the requests that arrive on one of the vendor's hosts. */
  host(service: string): Handler {
    return (req, res, origin) => this.#requests.serve(req, res, origin, service);
  }

  /** The vendor's clock, milliseconds. */
  now(): number {
    return this.#state.now();
  }

  /** Changes settings; throws a `SettingError` for an unknown one or a value that does not suit. */
  set(change: Partial<K>): void {
    checkChange(change, this.#state.dialect.settings);
    Object.assign(this.settings, structuredClone(change));
  }

  /** Every setting with what it takes. */
  describeSettings(): Record<string, string> {
    return describeSettings(this.#state.dialect.settings);
  }

  /** Settings back to their defaults; all tokens forgotten; quota empty. Accounts and ledger stay. */
  reset(): void {
    this.#state.reset();
    this.#issuer.reset();
  }

  /** Lets one more credential log in. */
  addAccount(credentials: C): void {
    this.accounts.push(credentials);
  }

  /** The pair issued last, or null. */
  currentToken(owner?: string): CurrentToken | null {
    const pair = this.#state.tokens.current(owner);
    return pair === undefined ? null : visible(pair);
  }

  /** Issues a pair without a call: for tests that begin with a token in hand. Does not count against the quota. */
  issueToken(owner?: string): CurrentToken {
    const account = this.accounts[0];
    const own = account === undefined ? 'nobody' : this.#state.dialect.ownerOf(account);
    return visible(this.#issuer.issue(owner ?? own));
  }

  /** The current access token is treated as expired. */
  expireCurrent(owner?: string): void {
    this.#end('access', 'expired', owner);
  }

  /** The current access token becomes invalid. */
  revokeCurrent(owner?: string): void {
    this.#end('access', 'revoked', owner);
  }

  /** Every access token becomes invalid. Refresh tokens stay good. */
  revokeAll(owner?: string): void {
    this.#state.tokens.revokeAll(owner);
  }

  /** The current refresh token is treated as expired. No effect on softline, which has no refresh call. */
  expireRefresh(owner?: string): void {
    this.#end('refresh', 'expired', owner);
  }

  /** The current refresh token becomes invalid. No effect on softline. */
  revokeRefresh(owner?: string): void {
    this.#end('refresh', 'revoked', owner);
  }

  /** How many logins, of one account or of all, count against the quota at this moment. */
  quotaUsed(owner?: string): number {
    return this.#issuer.quotaUsed(owner);
  }

  /** How many pairs were ever issued. */
  pairsIssued(): number {
    return this.#state.tokens.issued;
  }

  #end(token: 'access' | 'refresh', state: 'expired' | 'revoked', owner: string | undefined): void {
    const pair = this.#state.tokens.current(owner);
    if (pair !== undefined) pair[token].state = state;
  }
}

function visible({ id, owner, access, refresh }: Pair): CurrentToken {
  return {
    id,
    owner,
    accessToken: access.secret,
    refreshToken: refresh.secret,
    accessEndsAt: access.endsAt,
    refreshEndsAt: refresh.endsAt,
    accessState: access.state,
    refreshState: refresh.state,
  };
}
