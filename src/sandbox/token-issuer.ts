import type { Fields } from './json.ts';
import type { Exchange } from './exchange.ts';
import type { RefreshSettings } from './settings.ts';
import type { Issue, Pair } from './tokens.ts';
import type { VendorState } from './vendor-state.ts';
import type { AnySettings, Refusal } from './vendors/dialect.ts';

/** A pair given out by a token call, and what the answer holds as its refresh token, if anything. */
export interface Issued {
  readonly pair: Pair;
  readonly refreshToken: string | undefined;
}

const QUOTA_WINDOW_MS = 86_400_000;

/** Decides who gets a pair, and makes it. */
export class TokenIssuer<K extends AnySettings, C extends object> {
  readonly #state: VendorState<K, C>;
  readonly #logins = new Map<string, number[]>();

  constructor(state: VendorState<K, C>) {
    this.#state = state;
  }

  /** Judges a login. */
  login(x: Exchange, fields: Fields | undefined, lifetime: boolean): Issued | Refusal {
    const { accounts, dialect, settings, tokens } = this.#state;
    const asked = dialect.readLogin(x, fields);
    if ('refused' in asked) return asked;
    const { credentials, ttlSeconds } = asked;
    if (!accounts.some((account) => isSame(account, credentials))) {
      const reason = 'bad-credentials';
      return { refused: dialect.badCredentials(), outcome: 'refused', reason };
    }
    const owner = dialect.ownerOf(credentials);
    if (settings.quotaLimit !== null && this.quotaUsed(owner) >= settings.quotaLimit) {
      return { refused: dialect.tooMany(), outcome: 'quota', reason: null };
    }
    this.#countLogin(owner);
    if (settings.loginKillsOld) tokens.revokeAll(owner);
    const pair = this.issue(owner, ttlSeconds, lifetime);
    return { pair, refreshToken: pair.refresh.secret };
  }

  /** Judges a refresh, and spends its token. */
  refresh(x: Exchange, fields: Fields | undefined, lifetime: boolean): Issued | Refusal {
    const { dialect, shared, tokens } = this.#state;
    const { refresh } = dialect;
    if (refresh === undefined) throw new Error('this vendor has no refresh call');
    // Where there is such a call, there are its settings.
    const settings = this.#state.settings as K & RefreshSettings;
    const asked = refresh.read(x, fields);
    if ('refused' in asked) return asked;
    x.entry.refreshTokenId = shared.names.get(asked.secret) ?? null;
    const { rotation, graceReturns, rotationGraceSeconds, refreshTokenInAnswer: style } = settings;
    // RFC 6749 §6: an answer without a refresh token means that the old one goes on.
    const rule = { rotation, graceReturns, graceMs: rotationGraceSeconds * 1_000, carryOn: style !== 'new' };
    const pair = tokens.spend(asked.secret, rule, (owner) => this.#makePair(owner, asked.ttlSeconds, lifetime));
    if (typeof pair === 'string') {
      return { refused: refresh.dead(), outcome: 'refused', reason: pair };
    }
    return { pair, refreshToken: style === 'omit' ? undefined : style === 'empty' ? '' : pair.refresh.secret };
  }

  /** Issues a pair. `ttlSeconds`: as asked for. `lifetime`: whether the token tells how long it lives. */
  issue(owner: string, ttlSeconds?: number, lifetime = true): Pair {
    return this.#state.tokens.issue({ owner, ...this.#makePair(owner, ttlSeconds, lifetime) });
  }

  /** How many logins, of one account or of all, count against the quota. */
  quotaUsed(owner?: string): number {
    const owners = owner === undefined ? [...this.#logins.keys()] : [owner];
    return owners.reduce((sum, one) => sum + this.#recentLogins(one).length, 0);
  }

  /** Forgets all logins: the quota is empty. */
  reset(): void {
    this.#logins.clear();
  }

  /** What a new pair is made of. */
  #makePair(owner: string, ttlSeconds: number | undefined, lifetime: boolean): Omit<Issue, 'owner' | 'family'> {
    const { dialect, settings } = this.#state;
    const nowMs = this.#state.now();
    const accessEndsAt = nowMs + (settings.accessTtlSeconds ?? ttlSeconds ?? dialect.accessTtlSeconds) * 1_000;
    const refreshEndsAt = nowMs + (settings.refreshTtlSeconds ?? dialect.refreshTtlSeconds) * 1_000;
    const minting = { owner, nowMs, accessEndsAt, refreshEndsAt, lifetime };
    const secrets = dialect.mint(minting, settings);
    return { access: secrets.access, accessEndsAt, refresh: { secret: secrets.refresh, endsAt: refreshEndsAt } };
  }

  /** Counts a login against the quota. */
  #countLogin(owner: string): void {
    const recent = this.#recentLogins(owner);
    recent.push(this.#state.now());
    this.#logins.set(owner, recent);
  }

  /** When an account has logged in within the quota's window. */
  #recentLogins(owner: string): number[] {
    const times = this.#logins.get(owner) ?? [];
    const oldest = this.#state.now() - QUOTA_WINDOW_MS;
    while (times[0] !== undefined && times[0] <= oldest) times.shift();
    return times;
  }
}

/** Whether an account has these credentials, whatever else it has. */
function isSame<C extends object>(account: C, credentials: C): boolean {
  return (Object.keys(credentials) as (keyof C)[]).every((name) => account[name] === credentials[name]);
}
