import type { BudgetState } from './budget.ts';
import type { Credential, Outcome } from './credential.ts';
import type { RenewalKind } from './record-marks.ts';
import type { RenewalCause } from './status.ts';
import type { RecordError } from './store.ts';

/** What the manager tells the outside: for metrics, logs and the operator's page. Must not throw. */
export interface TokenObserver {
  /** A call to the token endpoint has ended. */
  renewed(credential: Credential, report: RenewalReport): void;
  /** A renewal that never came to a call: budget, dead credential, store. */
  suppressed(credential: Credential, reason: string): void;
  /** The credential's state changed: new token, dead, alive again. */
  changed(credential: Credential): void;
  storeFailed(operation: string, error: unknown): void;
  /** This account's record does not open. Told once until it opens again; the store and all other accounts are well. */
  recordUnreadable?(credential: Credential, error: RecordError): void;
  /** The store holds a record of this account's name for another identity. Told once. */
  foreignRecord?(credential: Credential): void;
  /** A file that the account's secrets come from has changed, and was read again. */
  secretChanged?(credential: Credential): void;
}

/** One call to a token endpoint, told when it has ended. */
export interface RenewalReport {
  readonly kind: RenewalKind;
  readonly cause: RenewalCause;
  readonly outcome: Outcome['kind'];
  /** Empty if granted. */
  readonly reason: string;
  /** See Outcome: for people, nothing secret. */
  readonly detail: string | undefined;
  readonly seconds: number;
  /** Of the token that was granted. Wall-clock ms. */
  readonly generation: number | undefined;
  readonly expiresAt: number | undefined;
  /** After this call; undefined: the account has no login budget. */
  readonly budget: BudgetState | undefined;
}
