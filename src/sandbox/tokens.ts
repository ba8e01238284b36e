import type { VendorName } from './ledger.ts';

/** What refreshing does to the pair that was refreshed. */
export const ROTATIONS = ['keep-old', 'kill-old', 'strict'] as const;

/** A token's value, and its end in milliseconds by the vendor's clock. */
export interface Secret {
  readonly secret: string;
  readonly endsAt: number;
}

interface AccessToken extends Secret {
  state: 'live' | 'expired' | 'revoked';
}

interface RefreshToken extends Secret {
  state: 'live' | 'spent' | 'expired' | 'revoked';
  spentAt: number;
  /** The pair it was spent for. */
  successor?: Pair;
}

/** An access token and the refresh token given out with it. */
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

/** Why a presented access token is refused. */
export type TokenRefusal = 'missing' | 'unknown' | 'expired' | 'revoked';

/** Why a presented refresh token is refused. */
export type SpendRefusal = 'unknown' | 'expired' | 'revoked' | 'spent' | 'family-revoked';

/** What a new pair is made of. */
export interface NewPair {
  readonly access: Secret;
  readonly refresh: Secret;
}

/** The rules a refresh goes by. */
export interface SpendRule {
  readonly rotation: (typeof ROTATIONS)[number];
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
  /** By access token, oldest first. */
  readonly #pairs = new Map<string, Pair>();
  /** By refresh token: the pair that it was given out with first. */
  readonly #byRefresh = new Map<string, Pair>();
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
    if (owner === undefined) return this.#latest;
    return [...this.#pairs.values()].findLast((pair) => pair.owner === owner);
  }

  /** Issues a pair: the first of a family, as a login does. */
  issue(owner: string, made: NewPair): Pair {
    this.#families += 1;
    return this.#add(owner, this.#families, made.access, { ...made.refresh, state: 'live', spentAt: 0 });
  }

  /** What is wrong with a presented access token; undefined: nothing. */
  check(secret: string | undefined): TokenRefusal | undefined {
    if (secret === undefined || secret === '') return 'missing';
    const access = this.#pairs.get(secret)?.access;
    if (access === undefined) return 'unknown';
    if (access.state !== 'live') return access.state;
    return access.endsAt <= this.#now() ? 'expired' : undefined;
  }

  /** Spends a refresh token. `make` is called only if a pair is to be issued. */
  spend(secret: string, rule: SpendRule, make: (owner: string) => NewPair): Pair | SpendRefusal {
    const found = this.#byRefresh.get(secret);
    if (found === undefined) return 'unknown';
    const { refresh: token, owner, family } = found;
    if (token.state === 'revoked' || token.state === 'expired') return token.state;
    if (token.endsAt <= this.#now()) return 'expired';

    const renew = (): Pair => {
      const { access, refresh } = make(owner);
      return this.#add(owner, family, access, rule.carryOn ? token : { ...refresh, state: 'live', spentAt: 0 });
    };

    if (token.state === 'spent') {
      if (this.#now() - token.spentAt < rule.graceMs) {
        const same = rule.graceReturns === 'same-pair' ? token.successor : undefined;
        return same ?? renew();
      }
      if (rule.rotation !== 'strict') return 'spent';
      for (const pair of this.#where((one) => one.family === family)) {
        pair.access.state = 'revoked';
        pair.refresh.state = 'revoked';
      }
      return 'family-revoked';
    }

    const olds = rule.rotation === 'keep-old' ? [] : this.#where((pair) => pair.refresh === token);
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
    for (const pair of this.#where((one) => owner === undefined || one.owner === owner)) pair.access.state = 'revoked';
  }

  /** Forgets everything: every token issued so far becomes unknown. */
  clear(): void {
    for (const secret of [...this.#pairs.keys(), ...this.#byRefresh.keys()]) this.#names.delete(secret);
    this.#pairs.clear();
    this.#byRefresh.clear();
    this.#latest = undefined;
  }

  #where(matches: (pair: Pair) => boolean): Pair[] {
    return [...this.#pairs.values()].filter(matches);
  }

  #add(owner: string, family: number, access: Secret, refresh: RefreshToken): Pair {
    this.#issued += 1;
    const id = `${this.#vendor}#${this.#issued}`;
    const pair: Pair = { id, owner, family, access: { ...access, state: 'live' }, refresh };
    this.#pairs.set(access.secret, pair);
    this.#names.set(access.secret, id);
    if (!this.#byRefresh.has(refresh.secret)) {
      this.#byRefresh.set(refresh.secret, pair);
      this.#names.set(refresh.secret, id);
    }
    this.#latest = pair;
    this.#forgetOldest();
    return pair;
  }

  #forgetOldest(): void {
    const [oldest] = this.#pairs.size > PAIR_LIMIT ? this.#pairs.values() : [];
    if (oldest === undefined) return;
    const { access, refresh } = oldest;
    const gone = refresh === this.#latest?.refresh ? [access.secret] : [access.secret, refresh.secret];
    for (const secret of gone) {
      this.#pairs.delete(secret);
      this.#byRefresh.delete(secret);
      this.#names.delete(secret);
    }
  }
}
