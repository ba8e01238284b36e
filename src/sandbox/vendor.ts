import type { Ledger } from './ledger.ts';
import { seconds } from './secrets.ts';
import { checkChange, commonSettings, renewableSettings, type Settings } from './settings.ts';
import { TokenBook, type NewPair, type Pair, type TokenNames } from './tokens.ts';
import type { Dialect } from './vendors/dialect.ts';

/** A pair as tests see it, secrets included. */
export type CurrentToken = ReturnType<typeof visible>;

const QUOTA_WINDOW_MS = 86_400_000;

/**
 * One imitated vendor: what its requests are judged by, and what a test may do to it. The methods act at once, on every
 * request not decided yet. Where one takes an owner, it means that account's pair; without one, the pair issued last to
 * anybody.
 */
export class Vendor<C extends object = object> {
  readonly dialect: Dialect<C>;
  /** What all vendors of a sandbox share: the ledger, and the public ids of tokens. */
  readonly ledger: Ledger;
  readonly names: TokenNames;
  /** Live settings. May be changed in place; `set` also checks. */
  readonly settings: Settings;
  /** The credentials that may log in. */
  readonly accounts: C[];
  readonly tokens: TokenBook;
  #logins: readonly { owner: string; at: number }[] = [];

  constructor(dialect: Dialect<C>, account: C, ledger: Ledger, names: TokenNames) {
    this.dialect = dialect;
    this.ledger = ledger;
    this.names = names;
    this.settings = this.#initialSettings();
    this.accounts = [account];
    this.tokens = new TokenBook(dialect.name, names, () => this.now());
  }

  /** What can be set, and to what. */
  get schema(): typeof commonSettings {
    return this.dialect.refresh === undefined ? commonSettings : renewableSettings;
  }

  /** The vendor's clock, milliseconds. */
  now(): number {
    return Date.now() + this.settings.clockSkewSeconds * 1_000;
  }

  /** Changes settings; throws a `SettingError` for an unknown one or a value that does not suit. */
  set(change: Partial<Settings>): void {
    checkChange(change, this.schema);
    Object.assign(this.settings, structuredClone(change));
  }

  /** Settings back to their defaults; all tokens forgotten; quota empty. Accounts and ledger stay. */
  reset(): void {
    Object.assign(this.settings, this.#initialSettings());
    this.tokens.clear();
    this.#logins = [];
  }

  /** The pair issued last, or null. */
  currentToken(owner?: string): CurrentToken | null {
    const pair = this.tokens.current(owner);
    return pair === undefined ? null : visible(pair);
  }

  /** Issues a pair without a request: for tests that begin with a token. Does not count against the quota. */
  issueToken(owner?: string): CurrentToken {
    const [first] = this.accounts;
    const name = owner ?? (first === undefined ? 'nobody' : this.dialect.ownerOf(first));
    return visible(this.tokens.issue(name, this.newPair(name)));
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
    this.tokens.revokeAll(owner);
  }

  /** The current refresh token is treated as expired. No effect on softline, which does not refresh. */
  expireRefresh(owner?: string): void {
    this.#end('refresh', 'expired', owner);
  }

  /** The current refresh token becomes invalid. No effect on softline. */
  revokeRefresh(owner?: string): void {
    this.#end('refresh', 'revoked', owner);
  }

  /** How many logins, of one account or of all, count against the quota at this moment. */
  quotaUsed(owner?: string): number {
    return this.#recentLogins().filter((login) => owner === undefined || login.owner === owner).length;
  }

  /** Counts a login against the quota. */
  countLogin(owner: string): void {
    this.#logins = [...this.#recentLogins(), { owner, at: this.now() }];
  }

  /** What a new pair is made of. `ttlSeconds`: as asked for. `lifetime`: whether the tokens tell how long they live. */
  newPair(owner: string, ttlSeconds?: number, lifetime = true): NewPair {
    const { dialect, settings } = this;
    const now = this.now();
    const accessEndsAt = now + (settings.accessTtlSeconds ?? ttlSeconds ?? dialect.accessTtlSeconds) * 1_000;
    const refreshEndsAt = now + (settings.refreshTtlSeconds ?? dialect.refreshTtlSeconds) * 1_000;
    const [exp, refreshExp] = [accessEndsAt, refreshEndsAt].map((end) => (lifetime ? seconds(end) : undefined));
    const { access, refresh } = dialect.mint({ owner, iat: seconds(now), exp, refreshExp }, settings);
    return {
      access: { secret: access, endsAt: accessEndsAt },
      refresh: { secret: refresh, endsAt: refreshEndsAt },
    };
  }

  #initialSettings(): Settings {
    return structuredClone({ ...this.schema.parse({}), ...this.dialect.settings });
  }

  #recentLogins() {
    const since = this.now() - QUOTA_WINDOW_MS;
    return this.#logins.filter(({ at }) => at > since);
  }

  #end(token: 'access' | 'refresh', state: 'expired' | 'revoked', owner: string | undefined): void {
    const pair = this.tokens.current(owner);
    if (pair !== undefined) pair[token].state = state;
  }
}

function visible({ id, owner, access, refresh }: Pair) {
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
