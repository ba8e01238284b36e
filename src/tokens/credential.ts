import type { BudgetLimits } from './budget.ts';
import type { Grant, Token } from './token.ts';

/**
 * How far a failed call got. `unsent`: no byte of it can have reached the endpoint (refused connection, DNS, TLS
 * handshake), so trying again spends nothing. `unanswered`: it may have arrived, and no complete response came.
 * `answered`: the endpoint, or a gateway before it, sent a complete response that decides nothing.
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
 * The outcome of a login or refresh. "Refused" (the endpoint's own error says that the credentials are wrong) and
 * "failed" (network, 5xx, a block page, nonsense) are kept apart everywhere: the first is final for these credentials,
 * the second says nothing about them.
 */
export type Outcome =
  | { readonly kind: 'granted'; readonly grant: Grant }
  /** `reason` is for people: status and a plain error code, never anything secret. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The endpoint did nothing and asks for a pause. `retryAfter`: seconds. */
  | { readonly kind: 'busy'; readonly reason: string; readonly retryAfter: number | undefined }
  /** The call cannot be built from the configuration. Nothing was sent. */
  | { readonly kind: 'impossible'; readonly reason: string }
  | {
      readonly kind: 'failed';
      readonly reason: FailureReason;
      /** What a person needs beside it: host, status, content type, pointer, names of fields; never a value. */
      readonly detail?: string | undefined;
      readonly reach: Reach;
      /** The endpoint may have carried out the call, so a refresh token in it counts as spent. */
      readonly maybeSpent: boolean;
      /** Seconds until the endpoint accepts another call, as it says. */
      readonly retryAfter: number | undefined;
      /** The refresh token that takes the place of the one that was sent: the call brought it, but no usable token. */
      readonly rotated?: string | undefined;
    };

/** One account as the token manager sees it: what it supports, and the two calls that bring a new token. */
export interface Credential {
  readonly account: string;
  readonly flow: string;
  /** The account's earlier name, whose stored token is taken over. */
  readonly formerName?: string | undefined;
  /** Whom the token is for (endpoint, user), and which secrets are configured: both digests. */
  readonly identity: string;
  readonly credentialsFingerprint: string;
  /** A fixed token that is never renewed (a flow without login and refresh). */
  readonly staticToken: string | undefined;
  /** `early`: renew in the background after 75–85 % of the life. `on-demand`: only when rejected or expired. */
  readonly renew: 'early' | 'on-demand';
  /** False: the flow has a refresh and no login; its first refresh token is imported. */
  readonly canLogin: boolean;
  readonly canRefresh: boolean;
  /** Of logins. */
  readonly budget: BudgetLimits | undefined;
  /** Of renewals, by login or refresh: each of them must grant one. Absent: none. */
  readonly renewalBudgets?: readonly BudgetLimits[] | undefined;
  /** A token that no request of this process has used for so long counts as expired. ms; undefined: none does. */
  readonly idle?: number | undefined;
  /** ms for which the endpoint accepts a refresh token a second time; 0 = never send one twice. */
  readonly rotationGrace: number;
  /**
   * Reads the files of its secrets again, if there are any. True: the secrets have changed and are used from now on;
   * `credentialsFingerprint` has changed then, `identity` has not.
   */
  readonly reread?: () => Promise<boolean>;
  /**
   * False: requests cannot carry this stored token, because the flow has changed since: it lacks a value that they need
   * now. It is renewed before it is used.
   */
  fits?(token: Token): boolean;
  login(): Promise<Outcome>;
  refresh(current: Token): Promise<Outcome>;
}

/** Whether a token of the one is a token of the other: the same login at the same place, or the same fixed token. */
export function isSameAccount(one: Credential, other: Credential): boolean {
  return one.identity === other.identity && one.staticToken === other.staticToken;
}

/** Where the manager gets credentials, which may be made on demand. */
export interface CredentialSource {
  /** Undefined: no such account. Called once while the account is in memory. */
  get(account: string): Credential | undefined;
  has(account: string): boolean;
  readonly size: number;
  /** All names, in the order of the configuration. */
  names(): Iterable<string>;
  /** Accounts that are read at the start and always shown, whether they are used or not. */
  readonly declared: readonly string[];
}
