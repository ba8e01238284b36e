import type { BudgetLimits } from './budget.ts';
import type { Grant, Token } from './token.ts';

/**
 * How far a failed call came. `unsent`: no byte of it can have reached the endpoint (refused connection, DNS, TLS
 * handshake), so nothing is spent by trying again. `unanswered`: it may have arrived, and no complete answer came.
 * `answered`: the endpoint, or something before it, gave a complete answer that settles nothing.
 */
export type Reach = 'unsent' | 'unanswered' | 'answered';

/** Why a call failed: these words are values of a metric's label (docs/metrics.md). */
export const FAILURE_REASONS = [
  'connect',
  'dns',
  'tls',
  'timeout',
  'reset',
  'too_large',
  'malformed',
  'redirect',
  'rate_limited',
  'status_4xx',
  'status_5xx',
  'fault',
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** What a login or refresh can come to; values of a metric's label too. */
export const OUTCOME_KINDS = ['granted', 'refused', 'busy', 'impossible', 'failed'] as const;
export type OutcomeKind = (typeof OUTCOME_KINDS)[number];

/**
 * What a login or refresh came to. "Refused" (the endpoint says in its own words that the credential is wrong) and
 * "failed" (network, 5xx, a block page, nonsense) are kept apart everywhere: the first is final for that credential,
 * the second says nothing about it.
 */
export type Outcome =
  | { readonly kind: 'granted'; readonly grant: Grant }
  /** `reason` is for people: status and a plain error code, never anything secret. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The endpoint did nothing and wants to be left alone for a while. `retryAfter`: seconds it asked for. */
  | { readonly kind: 'busy'; readonly reason: string; readonly retryAfter: number | undefined }
  /** The call cannot be built from what is configured. Nobody was asked. */
  | { readonly kind: 'impossible'; readonly reason: string }
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason;
      /** What a person needs beside it: host, status, content type, pointer, names of fields; never a value. */
      readonly detail?: string | undefined;
      readonly reach: Reach;
      /** The endpoint may have carried the call out, so that a refresh token in it must be taken for spent. */
      readonly maybeSpent: boolean;
      /** Seconds the endpoint asked us to wait. */
      readonly retryAfter: number | undefined;
    };

/** One account as the token manager sees it: what it may do, and the two calls that bring a new token. */
export interface Credential {
  readonly account: string;
  readonly flow: string;
  /** What the account was called before: its stored token is taken over. */
  readonly formerName?: string | undefined;
  /** Whom the token speaks for (endpoint, user), and which secrets were configured: both digests. */
  readonly identity: string;
  readonly credentialsFingerprint: string;
  /** A fixed token that is never renewed (a flow without login and refresh). */
  readonly staticToken: string | undefined;
  /** `early`: renew in the background once 75–85 % of the life is over. `on-demand`: only when dead or over. */
  readonly renew: 'early' | 'on-demand';
  /** False: the flow has a refresh and no login; its first refresh token was imported. */
  readonly canLogin: boolean;
  readonly canRefresh: boolean;
  readonly budget: BudgetLimits | undefined;
  /** ms within which the endpoint answers a refresh token it has already seen; 0 = never spend one twice. */
  readonly rotationGrace: number;
  /**
   * Reads the files again that its secrets come from, if there are any. True: they hold others now, which are used from
   * now on; `credentials` is another one then, `identity` the same.
   */
  readonly reread?: () => Promise<boolean>;
  login(): Promise<Outcome>;
  refresh(current: Token): Promise<Outcome>;
}

/** Where the manager finds credentials: they may be made only when asked for. */
export interface CredentialSource {
  /** Undefined: no such account. Not asked again while the account is in memory. */
  get(account: string): Credential | undefined;
  has(account: string): boolean;
  readonly size: number;
  /**
   * Accounts that are looked after even while nobody uses them: read at the start, and always part of the state that is
   * shown.
   */
  readonly declared: readonly string[];
}
