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
  readonly endsAt: number;
  state: 'live' | 'spent' | 'expired' | 'revoked';
  spentAt: number;
  /** The pair it was spent for. */
  successor?: Pair;
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
  /** Its own, or an older pair's that it carries on. */
  readonly refresh: RefreshToken;
}

/** What a vendor thinks of a presented access token. */
export type Verdict = 'ok' | 'missing' | 'unknown' | 'expired' | 'revoked';

/** Why a presented refresh token is refused. */
export type SpendRefusal = 'unknown' | 'expired' | 'revoked' | 'spent' | 'family-revoked';

/** What a new pair is made of. */
export interface Issue {
  readonly owner: string;
  readonly access: string;
  readonly accessEndsAt: number;
  /** A new refresh token, or an earlier one that is carried on. */
  readonly refresh: { readonly secret: string; readonly endsAt: number } | RefreshToken;
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

/** Old pairs are forgotten beyond this, so that a sandbox left running for weeks stays small. */
const PAIR_LIMIT = 10_000;

/** One vendor's tokens. Every change takes effect at once, for every request not decided yet. */
export class TokenBook {
  readonly #vendor: VendorName;
  readonly #names: TokenNames;
  readonly #now: () => number;
  readonly #byAccess = new Map<string, Pair>();
  readonly #byRefresh = new Map<string, Pick<Pair, 'refresh' | 'owner' | 'family'>>();
  readonly #current = new Map<string, Pair>();
  #latest: Pair | undefined;
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
  current(owner?: string): Pair | undefined {
    return owner === undefined ? this.#latest : this.#current.get(owner);
  }

  issue({ owner, access, accessEndsAt, refresh, family = (this.#families += 1) }: Issue): Pair {
    this.#issued += 1;
    const pair: Pair = {
      id: `${this.#vendor}#${this.#issued}`,
      owner,
      family,
      access: { secret: access, endsAt: accessEndsAt, state: 'live' },
      refresh: 'state' in refresh ? refresh : { ...refresh, state: 'live', spentAt: 0 },
    };
    this.#byAccess.set(access, pair);
    this.#names.set(access, pair.id);
    if (!this.#byRefresh.has(refresh.secret)) {
      this.#byRefresh.set(refresh.secret, pair);
      this.#names.set(refresh.secret, pair.id);
    }
    this.#current.set(owner, pair);
    this.#latest = pair;
    this.#forgetOldest();
    return pair;
  }

  /** What there is to say of an access token presented. */
  check(secret: string | undefined): Verdict {
    if (secret === undefined || secret === '') return 'missing';
    const access = this.#byAccess.get(secret)?.access;
    if (access === undefined) return 'unknown';
    if (access.state !== 'live') return access.state;
    return access.endsAt <= this.#now() ? 'expired' : 'ok';
  }

  /** Spends a refresh token. `make` is called only when a pair is to be issued. */
  spend(
    secret: string,
    rule: SpendRule,
    make: (owner: string) => Omit<Issue, 'owner' | 'family'>,
  ): Pair | SpendRefusal {
    const found = this.#byRefresh.get(secret);
    if (found === undefined) return 'unknown';
    const { refresh: token, owner, family } = found;
    if (token.state === 'revoked' || token.state === 'expired') return token.state;
    if (token.endsAt <= this.#now()) return 'expired';

    const renew = (): Pair => {
      const made = make(owner);
      return this.issue({ ...made, owner, family, refresh: rule.carryOn ? token : made.refresh });
    };

    if (token.state === 'spent') {
      if (this.#now() - token.spentAt < rule.graceMs) {
        const same = rule.graceReturns === 'same-pair' ? token.successor : undefined;
        return same ?? renew();
      }
      if (rule.rotation !== 'strict') return 'spent';
      this.#revokeFamily(family);
      return 'family-revoked';
    }

    const pairs = rule.rotation === 'keep-old' ? [] : [...this.#byAccess.values()];
    const olds = pairs.filter((pair) => pair.refresh === token);
    const pair = renew();
    for (const old of olds) old.access.state = 'revoked';
    if (rule.rotation !== 'keep-old' && !rule.carryOn) {
      token.state = 'spent';
      token.spentAt = this.#now();
      token.successor = pair;
    }
    return pair;
  }

  /** Kills every access token (of one owner). Refresh tokens stay as they are. */
  revokeAll(owner?: string): void {
    for (const pair of this.#byAccess.values()) {
      if (owner === undefined || pair.owner === owner) pair.access.state = 'revoked';
    }
  }

  /** Forgets everything: every token issued so far becomes unknown. */
  clear(): void {
    for (const secret of [...this.#byAccess.keys(), ...this.#byRefresh.keys()]) this.#names.delete(secret);
    this.#byAccess.clear();
    this.#byRefresh.clear();
    this.#current.clear();
    this.#latest = undefined;
  }

  /** Kills every access and refresh token that descends from one login. */
  #revokeFamily(family: number): void {
    for (const pair of this.#byAccess.values()) {
      if (pair.family !== family) continue;
      pair.access.state = 'revoked';
      pair.refresh.state = 'revoked';
    }
  }

  #forgetOldest(): void {
    if (this.#byAccess.size <= PAIR_LIMIT) return;
    for (const [secret, { refresh }] of this.#byAccess) {
      this.#byAccess.delete(secret);
      this.#names.delete(secret);
      if (refresh !== this.#latest?.refresh) {
        this.#byRefresh.delete(refresh.secret);
        this.#names.delete(refresh.secret);
      }
      return;
    }
  }
}
