import type { BudgetState } from './budget.ts';
import type { Credential, OutcomeKind } from './credential.ts';
import type { RenewalKind } from './record-marks.ts';
import type { RenewalCause } from './status.ts';
import type { RecordError } from './store.ts';

/** Why a renewal came to no call. These words and the next are values of metrics' labels (docs/metrics.md). */
export const SUPPRESSIONS = ['dead', 'cooldown', 'budget', 'lost_login'] as const;
export type Suppression = (typeof SUPPRESSIONS)[number];

export const STORE_OPERATIONS = ['read', 'write', 'lease', 'debit', 'watch'] as const;
export type StoreOperation = (typeof STORE_OPERATIONS)[number];

/** What the manager tells the outside: for metrics, logs and the operator's page. Must not throw. */
export interface TokenObserver {
  /** A call to the token endpoint has ended. */
  renewed(credential: Credential, report: RenewalReport): void;
  /** A renewal that never came to a call: budget, dead credential, store. */
  suppressed(credential: Credential, reason: Suppression): void;
  /** The credential's state changed: new token, dead, alive again. */
  changed(credential: Credential): void;
  storeFailed(operation: StoreOperation, error: unknown): void;
  /** A store operation succeeded. */
  storeUsed?(operation: StoreOperation, seconds: number): void;
  /** This account's record does not open. Told once until it opens again; the store and all other accounts are well. */
  recordUnreadable?(credential: Credential, error: RecordError): void;
  /** The store holds a record of another identity under this account's name. Called once. */
  foreignRecord?(credential: Credential): void;
  /** A file with secrets of the account has changed and was read again. */
  secretChanged?(credential: Credential): void;
}

/** One call to a token endpoint that has ended. */
export interface RenewalReport {
  readonly kind: RenewalKind;
  readonly cause: RenewalCause;
  readonly outcome: OutcomeKind;
  /** Empty if granted. */
  readonly reason: string;
  /** As in Outcome: for people, nothing secret. */
  readonly detail: string | undefined;
  readonly seconds: number;
  /** The granted token's. */
  readonly generation: number | undefined;
  readonly expiresAt: number | undefined;
  /** After this call. Undefined: the account has no login budget. */
  readonly budget: BudgetState | undefined;
  /** After this call: the renewals left in the scarcest budget of renewals. Absent: there is none. */
  readonly renewalsLeft?: number;
}
