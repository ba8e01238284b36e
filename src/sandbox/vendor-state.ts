import type { Ledger } from './ledger.ts';
import { TokenBook, type TokenNames } from './tokens.ts';
import type { AnySettings, Dialect } from './vendors/dialect.ts';

/** What the vendors of a sandbox have in common. */
export interface Shared {
  readonly ledger: Ledger;
  readonly names: TokenNames;
}

/** What a vendor knows: its settings and its tokens. Tests change it, requests are judged by it. */
export class VendorState<K extends AnySettings, C extends object> {
  readonly dialect: Dialect<K, C>;
  readonly shared: Shared;
  /** Live settings. */
  readonly settings: K;
  /** Credentials that may log in. */
  readonly accounts: C[];
  readonly tokens: TokenBook;

  constructor(dialect: Dialect<K, C>, account: C, shared: Shared) {
    this.dialect = dialect;
    this.shared = shared;
    this.settings = structuredClone(dialect.initial);
    this.accounts = [account];
    this.tokens = new TokenBook(dialect.name, shared.names, () => this.now());
  }

  /** The vendor's clock, milliseconds. */
  now(): number {
    return Date.now() + this.settings.clockSkewSeconds * 1_000;
  }

  /** Settings back to their defaults; all tokens forgotten. */
  reset(): void {
    Object.assign(this.settings, structuredClone(this.dialect.initial));
    this.tokens.clear();
  }
}
