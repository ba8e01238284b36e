import type { Ledger } from './ledger.ts';
import type { SecretMaker } from './secrets.ts';
import { TokenBook, type Issue, type Pair, type TokenNames } from './tokens.ts';
import type { AnyKnobs, Dialect } from './vendors/dialect.ts';

/** What the vendors of a sandbox have in common. */
export interface Shared {
  readonly ledger: Ledger;
  readonly names: TokenNames;
  readonly maker: SecretMaker;
}

/** What a vendor knows: settings, tokens, and who has called how often. Tests change it, requests are judged by it. */
export class VendorState<K extends AnyKnobs, C extends object> {
  readonly dialect: Dialect<K, C>;
  readonly shared: Shared;
  /** Live settings. */
  readonly knobs: K;
  /** Credentials that may log in. */
  readonly accounts: C[];
  readonly tokens: TokenBook;
  readonly #logins = new Map<string, number[]>();
  #rateSecond = 0;
  #rateCount = 0;

  constructor(dialect: Dialect<K, C>, account: C, shared: Shared) {
    this.dialect = dialect;
    this.shared = shared;
    this.knobs = structuredClone(dialect.initial);
    this.accounts = [account];
    this.tokens = new TokenBook(dialect.name, shared.names, () => this.now());
  }

  /** The vendor's clock, milliseconds. */
  now(): number {
    return Date.now() + this.knobs.clockSkewSeconds * 1_000;
  }

  /** Knobs back to their defaults; all tokens forgotten; quota and rate limit empty. */
  reset(): void {
    Object.assign(this.knobs, structuredClone(this.dialect.initial));
    this.tokens.clear();
    this.#logins.clear();
    this.#rateCount = 0;
  }

  issue(owner: string, ttlSeconds?: number, lifetime = true): Pair {
    return this.tokens.issue({ owner, ...this.makePair(owner, ttlSeconds, lifetime) });
  }

  /** What a new pair is made of. `ttlSeconds`: as asked for. `lifetime`: whether the token tells how long it lives. */
  makePair(owner: string, ttlSeconds: number | undefined, lifetime: boolean): Omit<Issue, 'owner' | 'family'> {
    const { dialect, knobs } = this;
    const nowMs = this.now();
    const accessEndsAt = nowMs + (knobs.accessTtlSeconds ?? ttlSeconds ?? dialect.accessTtlSeconds) * 1_000;
    const refreshEndsAt = nowMs + (knobs.refreshTtlSeconds ?? dialect.refreshTtlSeconds) * 1_000;
    const minting = { owner, nowMs, accessEndsAt, refreshEndsAt, lifetime };
    const secrets = dialect.mint(this.shared.maker, minting, knobs);
    return { access: secrets.access, accessEndsAt, refresh: { secret: secrets.refresh, endsAt: refreshEndsAt } };
  }

  /** How many logins, of one account or of all, count against the quota. */
  quotaUsed(owner?: string): number {
    const owners = owner === undefined ? [...this.#logins.keys()] : [owner];
    return owners.reduce((sum, one) => sum + this.#recentLogins(one).length, 0);
  }

  /** Counts a login against the quota. */
  countLogin(owner: string): void {
    const recent = this.#recentLogins(owner);
    recent.push(this.now());
    this.#logins.set(owner, recent);
  }

  /** Counts an API call; true when there are too many of them in this second. */
  isOverRate(): boolean {
    const limit = this.knobs.rateLimitPerSecond;
    if (limit === null) return false;
    const second = Math.floor(Date.now() / 1_000);
    if (second !== this.#rateSecond) this.#rateCount = 0;
    this.#rateSecond = second;
    this.#rateCount += 1;
    return this.#rateCount > limit;
  }

  /** When an account has logged in inside the quota's window. */
  #recentLogins(owner: string): number[] {
    const times = this.#logins.get(owner) ?? [];
    const oldest = this.now() - this.knobs.quotaWindowSeconds * 1_000;
    while (times[0] !== undefined && times[0] <= oldest) times.shift();
    return times;
  }
}
