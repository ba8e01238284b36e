import type { VendorName } from './ledger.ts';

/** What refreshing does to the pair that was refreshed. */
export const ROTATIONS = ['keep-old', 'kill-old', 'strict'] as const;
export type Rotation = (typeof ROTATIONS)[number];

export interface AccessToken {
  readonly secret: string;
  /** Milliseconds, by the vendor's clock. */
  readonly endsAt: number;
  state: 'live' | 'expired' | 'revoked';
}

export interface RefreshToken {
  readonly secret: string;
  /** The pair it was first issued with; a pair may carry an older pair's refresh token on. */
  readonly pairId: string;
  readonly endsAt: number;
  state: 'live' | 'spent' | 'expired' | 'revoked';
  spentAt: number;
  successor: Pair | null;
}

/** An access token and the refresh token handed out with it. */
export interface Pair {
  /** Short and not secret, like `chatapp#3`. */
  readonly id: string;
  /** Whose it is: the user name or email it was issued for. */
  readonly owner: string;
  /** All pairs that descend from one login. */
  readonly family: number;
  readonly access: AccessToken;
  readonly refresh: RefreshToken | null;
}

/** What a vendor thinks of a presented access token. */
export type Verdict = 'ok' | 'missing' | 'unknown' | 'expired' | 'revoked';

/** What happened to a presented refresh token. */
export type Spend =
  | { readonly kind: 'granted'; readonly pair: Pair }
  | { readonly kind: 'refused'; readonly reason: 'unknown' | 'expired' | 'revoked' | 'spent' | 'family-revoked' };

/** What a new pair is made of. */
export interface Issue {
  readonly owner: string;
  readonly access: string;
  readonly accessEndsAt: number;
  /** A new refresh token, an earlier one that is carried on, or none. */
  readonly refresh: { readonly secret: string; readonly endsAt: number } | RefreshToken | null;
  readonly family?: number;
}

/** The rules a refresh goes by. */
export interface SpendRule {
  readonly rotation: Rotation;
  readonly graceMs: number;
  readonly graceReturns: 'same-pair' | 'new-pair';
  /** The new pair carries the presented refresh token on instead of a new one. */
  readonly carryOn: boolean;
}

/** Secrets and their public ids, shared by all vendors: a token that strays to the wrong vendor is recognised. */
export type TokenNames = Map<string, string>;

// Old pairs are forgotten beyond this, so that a sandbox left running for weeks stays small.
const PAIR_LIMIT = 10_000;

/** One vendor's tokens. Every change takes effect at once, for every request not decided yet. */
export class TokenBook {
  readonly #vendor: VendorName;
  readonly #names: TokenNames;
  readonly #now: () => number;
  readonly #byAccess = new Map<string, Pair>();
  readonly #byRefresh = new Map<string, { readonly token: RefreshToken; readonly owner: string; readonly family: number }>();
  readonly #current = new Map<string, Pair>();
  #latest: Pair | null = null;
  #issued = 0;
  #families = 0;

  constructor(vendor: VendorName, names: TokenNames, now: () => number) {
    this.#vendor = vendor;
    this.#names = names;
    this.#now = now;
  }

  /** How many pairs were ever issued. */
  get issued(): number {
    return this.#issued;
  }

  /** The pair issued last, to anyone or to one owner. */
  current(owner?: string): Pair | null {
    return owner === undefined ? this.#latest : (this.#current.get(owner) ?? null);
  }

  issue(issue: Issue): Pair {
    const id = `${this.#vendor}#${++this.#issued}`;
    const family = issue.family ?? ++this.#families;
    const pair: Pair = {
      id,
      owner: issue.owner,
      family,
      access: { secret: issue.access, endsAt: issue.accessEndsAt, state: 'live' },
      refresh: asRefreshToken(issue.refresh, id),
    };
    this.#byAccess.set(pair.access.secret, pair);
    this.#names.set(pair.access.secret, id);
    if (pair.refresh !== null && !this.#byRefresh.has(pair.refresh.secret)) {
      this.#byRefresh.set(pair.refresh.secret, { token: pair.refresh, owner: pair.owner, family });
      this.#names.set(pair.refresh.secret, id);
    }
    this.#current.set(pair.owner, pair);
    this.#latest = pair;
    this.#forgetOldest();
    return pair;
  }

  check(secret: string | null): { readonly verdict: Verdict; readonly pair: Pair | null } {
    if (secret === null || secret === '') return { verdict: 'missing', pair: null };
    const pair = this.#byAccess.get(secret);
    if (pair === undefined) return { verdict: 'unknown', pair: null };
    if (pair.access.state === 'live' && pair.access.endsAt <= this.#now()) return { verdict: 'expired', pair };
    return { verdict: pair.access.state === 'live' ? 'ok' : pair.access.state, pair };
  }

  /** Spends a refresh token. `make` is called only when a pair is to be issued. */
  spend(secret: string, rule: SpendRule, make: (owner: string) => Omit<Issue, 'owner' | 'family'>): Spend {
    const found = this.#byRefresh.get(secret);
    if (found === undefined) return { kind: 'refused', reason: 'unknown' };
    const { token, owner, family } = found;
    if (token.state === 'revoked' || token.state === 'expired') return { kind: 'refused', reason: token.state };
    if (token.endsAt <= this.#now()) return { kind: 'refused', reason: 'expired' };

    const renew = (): Pair => {
      const made = make(owner);
      return this.issue({ ...made, owner, family, refresh: rule.carryOn ? token : made.refresh });
    };

    if (token.state === 'spent') {
      if (this.#now() - token.spentAt < rule.graceMs) {
        if (rule.graceReturns === 'same-pair' && token.successor !== null) {
          return { kind: 'granted', pair: token.successor };
        }
        return { kind: 'granted', pair: renew() };
      }
      if (rule.rotation !== 'strict') return { kind: 'refused', reason: 'spent' };
      this.revokeFamily(family);
      return { kind: 'refused', reason: 'family-revoked' };
    }

    const olds = rule.rotation === 'keep-old' ? [] : this.#pairsOf(token);
    const pair = renew();
    for (const old of olds) old.access.state = 'revoked';
    if (rule.rotation !== 'keep-old' && !rule.carryOn) {
      token.state = 'spent';
      token.spentAt = this.#now();
      token.successor = pair;
    }
    return { kind: 'granted', pair };
  }

  /** Kills every access and refresh token that descends from one login. */
  revokeFamily(family: number): void {
    for (const pair of this.#byAccess.values()) {
      if (pair.family !== family) continue;
      pair.access.state = 'revoked';
      if (pair.refresh !== null) pair.refresh.state = 'revoked';
    }
  }

  /** Kills every access token (of one owner). Refresh tokens stay as they are. */
  revokeAll(owner?: string): void {
    for (const pair of this.#byAccess.values()) {
      if (owner === undefined || pair.owner === owner) pair.access.state = 'revoked';
    }
  }

  /** Forgets everything: every token issued so far becomes unknown. */
  clear(): void {
    for (const secret of this.#byAccess.keys()) this.#names.delete(secret);
    for (const secret of this.#byRefresh.keys()) this.#names.delete(secret);
    this.#byAccess.clear();
    this.#byRefresh.clear();
    this.#current.clear();
    this.#latest = null;
  }

  #pairsOf(token: RefreshToken): Pair[] {
    const pairs: Pair[] = [];
    for (const pair of this.#byAccess.values()) if (pair.refresh === token) pairs.push(pair);
    return pairs;
  }

  #forgetOldest(): void {
    if (this.#byAccess.size <= PAIR_LIMIT) return;
    for (const [secret, pair] of this.#byAccess) {
      this.#byAccess.delete(secret);
      this.#names.delete(secret);
      if (pair.refresh !== null && pair.refresh !== this.#latest?.refresh) {
        this.#byRefresh.delete(pair.refresh.secret);
        this.#names.delete(pair.refresh.secret);
      }
      return;
    }
  }
}

function asRefreshToken(from: Issue['refresh'], pairId: string): RefreshToken | null {
  if (from === null) return null;
  if ('state' in from) return from;
  return { secret: from.secret, pairId, endsAt: from.endsAt, state: 'live', spentAt: 0, successor: null };
}
