import type { BudgetLimits } from './budget.ts';
import type { Grant, Token } from './token.ts';

/**
 * What a login or refresh came to. "Refused" (the credential is wrong) and "failed" (network, 5xx, nonsense) are kept
 * apart everywhere: the first is final for that credential, the second says nothing about it.
 */
export type Outcome =
  | { readonly kind: 'granted'; readonly grant: Grant }
  | { readonly kind: 'refused'; readonly reason: string }
  | {
      readonly kind: 'failed';
      readonly reason: string;
      /** The endpoint may have carried the call out, so that a refresh token in it must be taken for spent. */
      readonly maybeSpent: boolean;
      /** Seconds the endpoint asked us to wait. */
      readonly retryAfter: number | undefined;
    };

/** One account as the token manager sees it: what it may do, and the two calls that bring a new token. */
export interface Credential {
  readonly account: string;
  readonly flow: string;
  /** Whom the token speaks for (endpoint, user), and which secrets were configured: both digests. */
  readonly identity: string;
  readonly credentials: string;
  /** A fixed token that is never renewed (flow `static`). */
  readonly fixed: string | undefined;
  /** `early`: renew in the background once 75–85 % of the life is over. `on-demand`: only when dead or over. */
  readonly renew: 'early' | 'on-demand';
  readonly canRefresh: boolean;
  readonly budget: BudgetLimits | undefined;
  /** ms within which the endpoint answers a refresh token it has already seen; 0 = never spend one twice. */
  readonly rotationGrace: number;
  login(): Promise<Outcome>;
  refresh(current: Token): Promise<Outcome>;
}

/** Where the manager finds credentials: they may be made only when asked for. */
export interface CredentialSource {
  /** Undefined: no such account. Not asked again while the account is in memory. */
  get(account: string): Credential | undefined;
  has(account: string): boolean;
  readonly size: number;
  /** Accounts that are looked after even while nobody uses them: read at the start, and always part of the state that is shown. */
  readonly named: readonly string[];
}
