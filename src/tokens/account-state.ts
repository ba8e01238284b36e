import type { BudgetState } from './budget.ts';
import type { Clock, Timers } from './clock.ts';
import type { Credential } from './credential.ts';
import { earlyPause } from './backoff.ts';
import { refreshAt } from './lifetime.ts';
import type { SpendNote } from './record-marks.ts';
import type { CredentialRecord } from './records.ts';
import { SingleFlight } from './single-flight.ts';
import { Token } from './token.ts';

/** What the accounts of one manager have in common. */
export interface SharedState {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: () => number;
  /** Accounts whose current token an upstream has refused, nothing having accepted it since. */
  readonly refused: Set<string>;
}

/** What one process knows of one account. Everybody may read it; it changes by its transitions only. */
export type AccountState = Readonly<State>;

/** Knows nothing yet, except a fixed token. */
export function newAccountState(credential: Credential, shared: SharedState): AccountState {
  return new State(credential, shared);
}

class State {
  readonly credential: Credential;
  readonly flight: SingleFlight<Token>;
  token: Token | undefined;
  /** Monotonic ms from which a renewal is started in the background. */
  refreshAt = Infinity;
  /** The generation an upstream has proved dead: nobody new leaves with it while its successor is being fetched. */
  rejectedGeneration = -1;
  /** Wall-clock ms at which an upstream refused the current token, if nothing has accepted it since. */
  refusedAt: number | undefined = undefined;
  /** Monotonic ms at which an upstream last accepted the current token after having refused it; -Infinity if never. */
  acceptedAt = -Infinity;
  waiting = 0;
  /** Callers and pieces of work that hold on to this state; while there are any it must stay the account's only one. */
  references = 0;
  loaded: boolean;
  dead: string | undefined = undefined;
  problem: string | undefined = undefined;
  /** The login budget did not grant the last login that was wanted. */
  outOfLogins = false;
  /** The account's record does not open. Nothing is read again before `recordRetryAt`, monotonic ms. */
  recordProblem: string | undefined = undefined;
  recordRetryAt = -Infinity;
  /** The record says that these credentials, or earlier ones of the account, were refused. */
  credentialsRefused = false;
  /** Monotonic ms before which the files of suspect credentials are not looked at again. */
  secretsRereadAt = -Infinity;
  failures = 0;
  /** The store holds a record of this name for another identity, and that has been told. */
  foreignRecord = false;
  /** Wall-clock ms. */
  retryAt: number | undefined = undefined;
  budget: BudgetState | undefined = undefined;
  /** A call to the token endpoint is under way. It may outlive its flight, when the machine was asleep in between. */
  calling = false;
  /**
   * The spend note this process wrote, or tried to write, without making the call so far; and the one it was written
   * over.
   */
  unusedNote: { readonly id: string; readonly before: SpendNote | undefined } | undefined = undefined;
  /** Monotonic ms at which the store was last asked for the lease and gave it. */
  leasedAt = -Infinity;
  /** A lease on its way back to the store. */
  leaseRelease: Promise<void> | undefined = undefined;
  /** A grant the store would not take yet: the only copy, kept and written as soon as it can be. */
  pendingWrite: CredentialRecord | undefined = undefined;
  /** What the newest flight does; an earlier one that missed its deadline may still be at work. */
  #newestFlight: Promise<Token> | undefined = undefined;
  readonly #shared: SharedState;

  constructor(credential: Credential, shared: SharedState) {
    const { staticToken } = credential;
    this.credential = credential;
    this.flight = new SingleFlight(shared.timers);
    this.token = staticToken === undefined ? undefined : fixedToken(staticToken, shared.clock);
    this.loaded = staticToken !== undefined;
    this.#shared = shared;
  }

  // ---- tokens

  /** Takes over what the store says, if it is about the same identity and not older than what we have. */
  adopt(record: CredentialRecord): void {
    const { credential } = this;
    const { token } = record;
    const isSameIdentity = record.identity === credential.identity;
    this.credentialsRefused = (record.dead ?? record.doubt) !== undefined;
    const isDead = record.dead?.credentials === credential.credentialsFingerprint;
    this.dead = isDead ? record.dead.reason : this.#missingRefreshToken(isSameIdentity ? token : undefined);
    // A pause for a second look at credentials that have been changed since is over.
    const doubtIsOver = record.doubt !== undefined && record.doubt.credentials !== credential.credentialsFingerprint;
    this.retryAt = doubtIsOver ? undefined : record.retryAt;
    this.failures = record.failures;
    if (token !== undefined && isSameIdentity && token.generation > (this.token?.generation ?? 0))
      this.#useToken(token);
  }

  /** A call, or another process, has brought this token: all is well again. */
  grant(token: Token): void {
    this.#useToken(token);
    this.dead = undefined;
    this.retryAt = undefined;
    this.failures = 0;
  }

  /** An upstream has refused the current token. */
  tokenRejected(): void {
    this.refusedAt = this.#shared.clock.wall();
    this.#shared.refused.add(this.credential.account);
  }

  /** An upstream has accepted the current token, which was refused before. */
  tokenAccepted(): void {
    this.acceptedAt = this.#shared.clock.monotonic();
    this.#clearRejection();
  }

  /** Nobody new leaves with a token of this generation, or one before it, until the next flight has ended. */
  rejectGeneration(generation: number): void {
    this.rejectedGeneration = Math.max(this.rejectedGeneration, generation);
  }

  /** A newer token: what was said of the one before it is over. */
  #useToken(token: Token): void {
    this.token = token;
    this.refreshAt = refreshAt(this.credential, token, this.#shared.random());
    this.acceptedAt = -Infinity;
    this.#clearRejection();
    this.problem = undefined;
    this.outOfLogins = false;
  }

  #clearRejection(): void {
    this.refusedAt = undefined;
    this.#shared.refused.delete(this.credential.account);
  }

  /** Why an account that cannot log in by itself will get no further token; undefined if it may. */
  #missingRefreshToken(token: Token | undefined): string | undefined {
    const { canLogin, staticToken, account } = this.credential;
    if (canLogin || staticToken !== undefined || token?.hasRefresh === true || this.pendingWrite !== undefined)
      return undefined;
    return `it has no refresh token, and its flow has no login; bring one with: tokenward import ${account}`;
  }

  // ---- flights

  flightStarted(work: Promise<Token>): void {
    this.#newestFlight = work;
  }

  flightSucceeded(token: Token): void {
    // Unless the very token it landed on has been refused meanwhile: whoever said so flies again at once.
    if (token.generation > this.rejectedGeneration) this.rejectedGeneration = -1;
  }

  flightFailed(work: Promise<Token>): void {
    // The proof is used up: there is no successor, so the old token may be tried again (it may have been one call's
    // problem). Not for a flight that came in late: the next one has begun.
    if (this.#newestFlight === work) this.rejectedGeneration = -1;
  }

  /** A renewal ahead of time begins; if it fails, the next one is due so much later. */
  postponeEarlyRenewal(): void {
    this.refreshAt = this.#shared.clock.monotonic() + earlyPause(this.failures);
  }

  addReference(): void {
    this.references += 1;
  }

  removeReference(): void {
    this.references -= 1;
  }

  /** A caller waits for a token. */
  addWaiter(): void {
    this.waiting += 1;
  }

  removeWaiter(): void {
    this.waiting -= 1;
  }

  // ---- renewals

  setLeasedAt(requestedAt: number | undefined): void {
    this.leasedAt = requestedAt ?? -Infinity;
  }

  leaseReleaseStarted(release: Promise<void>): void {
    this.leaseRelease = release;
  }

  leaseReleased(release: Promise<void>): void {
    if (this.leaseRelease === release) this.leaseRelease = undefined;
  }

  /** A spend note of this id is about to be written over another one. */
  spendNoteStarted(id: string, over: SpendNote | undefined): void {
    // Also if its answer never comes: the store may have carried the write out all the same.
    this.unusedNote = { id, before: this.withoutUnusedNote(over) };
  }

  /**
   * The note of a call that this process never made is taken back: nothing left. What it was written over counts again.
   */
  withoutUnusedNote(intent: SpendNote | undefined): SpendNote | undefined {
    const { unusedNote } = this;
    return unusedNote !== undefined && intent?.id === unusedNote.id ? unusedNote.before : intent;
  }

  beginCall(): void {
    this.calling = true;
    this.unusedNote = undefined;
  }

  endCall(): void {
    this.calling = false;
  }

  setBudget(budget: BudgetState): void {
    this.budget = budget;
  }

  /** The login budget is used up. */
  budgetExhausted(problem: string): void {
    this.outOfLogins = true;
    this.problem = problem;
  }

  /** A call failed. `retryAt`: wall-clock ms before which there is no other one. */
  renewalFailed(problem: string, failures: number, retryAt: number): void {
    this.retryAt = retryAt;
    this.failures = failures;
    this.problem = problem;
  }

  /** No call was made, or it decided nothing yet, for this reason. */
  renewalStopped(problem: string): void {
    this.problem = problem;
  }

  /** A pause after a failure is not over. */
  renewalPaused(): void {
    // Another process may have failed, so that nobody has said here what was wrong.
    this.problem ??= 'the last renewal failed';
  }

  /** An operator wants another try, whatever was found before. */
  allowRenewal(): void {
    this.retryAt = undefined;
    this.dead = undefined;
  }

  /** The files of its secrets are not looked at again before `until`, monotonic ms. */
  postponeSecretReread(until: number): void {
    this.secretsRereadAt = until;
  }

  // ---- the record in the store

  recordLoaded(): void {
    this.loaded = true;
  }

  keepPendingWrite(record: CredentialRecord): void {
    this.pendingWrite = record;
  }

  /** The store has what was kept, or something newer. */
  pendingWriteDone(): void {
    this.pendingWrite = undefined;
    this.problem = undefined;
  }

  /** The record does not open; it is not read again before `retryAt`, monotonic ms. */
  recordUnreadable(problem: string, retryAt: number): void {
    this.recordRetryAt = retryAt;
    this.recordProblem = problem;
  }

  recordReadable(): void {
    this.recordProblem = undefined;
  }

  /** Whatever the record looked like: it is read when next asked for. */
  allowRecordRead(): void {
    this.recordRetryAt = -Infinity;
  }

  setForeignRecord(foreignRecord: boolean): void {
    this.foreignRecord = foreignRecord;
  }
}

function fixedToken(secret: string, clock: Clock): Token {
  const facts = { generation: 1, obtainedAt: clock.wall(), expiresAt: undefined, refreshExpiresAt: undefined };
  return new Token({ ...facts, deadline: Infinity }, secret, undefined);
}
