import { LastUse } from './last-use.ts';
import type { BudgetLimits, BudgetState, RenewalsLeft } from './budget.ts';
import type { Clock, Moment, Timers } from './clock.ts';
import type { Credential } from './credential.ts';
import { earlyRenewalPause } from './backoff.ts';
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
  /** Accounts whose current token an upstream has rejected and none has accepted since. */
  readonly rejected: Set<string>;
  /** States in which something is wrong, so that nobody has to walk over all of them. */
  readonly troubled: Set<AccountState>;
}

/** What one process knows of one account. Readable everywhere; changed only by the methods below. */
export type AccountState = Readonly<State>;

/** A state without a token, except for a fixed one. */
export function newAccountState(credential: Credential, shared: SharedState): AccountState {
  return new State(credential, shared);
}

const NO_BUDGETS: readonly RenewalsLeft[] = [];
const NO_LEASE: Moment = { monotonic: -Infinity, wall: -Infinity };

class State {
  credential: Credential;
  /** The account's settings after a reload, which the next renewal takes over: the present one began with the old. */
  nextCredential: Credential | undefined = undefined;
  /** Renewals of this process that are under way. */
  renewals = 0;
  /** Ends with the last use of the states that the account had before: their renewals must not meet. */
  predecessors: Promise<void> | undefined = undefined;
  readonly flight: SingleFlight<Token>;
  token: Token | undefined;
  /** Monotonic ms from which a renewal is started in the background. */
  refreshAt = Infinity;
  /** The newest rejected generation: no further request gets it while the next token is being obtained. */
  rejectedGeneration = -1;
  /** The newest generation than which some request has wanted a newer one. */
  outdatedGeneration = -1;
  /** Monotonic ms at which an upstream last accepted the current token after a rejection; -Infinity if never. */
  acceptedAt = -Infinity;
  /** Why requests cannot carry the current token. */
  unsendable: string | undefined = undefined;
  waiting = 0;
  /**
   * Waiting requests and running renewals that use this state; while there are any, the account gets no second state.
   */
  references = 0;
  loaded: boolean;
  /** The budget that did not grant the last renewal. */
  exhausted: 'logins' | 'renewals' | undefined = undefined;
  /** The record is not read again before this, monotonic ms. */
  recordRetryAt = -Infinity;
  /** The record says that these credentials, or earlier ones of the account, were refused. */
  credentialsRefused = false;
  /** Monotonic ms before which the files of refused credentials are not read again. */
  secretsRereadAt = -Infinity;
  failures = 0;
  /** The store holds a record of this name for another identity, and the observer has been notified. */
  foreignRecord = false;
  /** Wall-clock ms. */
  retryAt: number | undefined = undefined;
  /** The same by this process's own last failure: the stored one may be of a host whose clock is a day off. */
  ownRetryAt: number | undefined = undefined;
  budget: BudgetState | undefined = undefined;
  renewalsLeft: readonly RenewalsLeft[] = NO_BUDGETS;
  /** A call to the token endpoint is under way. It may outlive its flight if the machine was suspended in between. */
  calling = false;
  /**
   * The spend note that this process wrote, or tried to write, before a call it has not made yet; and the note it
   * replaced.
   */
  unusedNote: { readonly id: string; readonly before: SpendNote | undefined } | undefined = undefined;
  readonly lastUse = new LastUse();
  /** The last request for the lease that the store granted, by both clocks in ms. */
  #leasedAt = NO_LEASE;
  /** The release of the lease, while it is under way. */
  leaseRelease: Promise<void> | undefined = undefined;
  /** The newest flight. An earlier one that missed its deadline may still be running. */
  #newestFlight: Promise<Token> | undefined = undefined;
  #shared: SharedState;
  #onIdle: (() => void)[] = [];
  #refusedAt: number | undefined = undefined;
  #dead: string | undefined = undefined;
  #problem: string | undefined = undefined;
  #recordProblem: string | undefined = undefined;
  #pendingWrite: CredentialRecord | undefined = undefined;

  constructor(credential: Credential, shared: SharedState) {
    const { staticToken } = credential;
    this.credential = credential;
    this.flight = new SingleFlight(shared.timers);
    this.token = staticToken === undefined ? undefined : fixedToken(staticToken, shared.clock);
    this.loaded = staticToken !== undefined;
    this.#shared = shared;
  }

  // ---- troubles

  /** Wall-clock ms at which an upstream rejected the current token, if none has accepted it since. */
  get refusedAt(): number | undefined {
    return this.#refusedAt;
  }

  private set refusedAt(at: number | undefined) {
    this.#refusedAt = at;
    this.#noteTrouble();
  }

  get dead(): string | undefined {
    return this.#dead;
  }

  private set dead(reason: string | undefined) {
    this.#dead = reason;
    this.#noteTrouble();
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  private set problem(problem: string | undefined) {
    this.#problem = problem;
    this.#noteTrouble();
  }

  /** Why the account's record cannot be opened. */
  get recordProblem(): string | undefined {
    return this.#recordProblem;
  }

  private set recordProblem(problem: string | undefined) {
    this.#recordProblem = problem;
    this.#noteTrouble();
  }

  /** A grant that could not be stored yet: the only copy, written as soon as the store accepts it. */
  get pendingWrite(): CredentialRecord | undefined {
    return this.#pendingWrite;
  }

  private set pendingWrite(record: CredentialRecord | undefined) {
    this.#pendingWrite = record;
    this.#noteTrouble();
  }

  #noteTrouble(): void {
    const { troubled } = this.#shared;
    if ((this.#problem ?? this.#pendingWrite ?? this.#dead ?? this.#recordProblem ?? this.#refusedAt) !== undefined)
      troubled.add(this);
    else if (troubled.size > 0) troubled.delete(this);
  }

  // ---- tokens

  /** Takes over the stored record, if it is of the same identity and not older than the state. */
  adopt(record: CredentialRecord): void {
    const { credential } = this;
    const { token } = record;
    const isSameIdentity = record.identity === credential.identity;
    this.credentialsRefused = (record.dead ?? record.doubt) !== undefined;
    const isDead = record.dead?.credentials === credential.credentialsFingerprint;
    this.dead = isDead ? record.dead.reason : this.#missingRefreshToken(isSameIdentity ? token : undefined);
    // The pause before the second login ends when the credentials are changed.
    const doubtIsOver = record.doubt !== undefined && record.doubt.credentials !== credential.credentialsFingerprint;
    this.retryAt = doubtIsOver ? undefined : record.retryAt;
    if (this.retryAt === undefined) this.ownRetryAt = undefined;
    this.failures = record.failures;
    if (token === undefined || !isSameIdentity || token.generation <= (this.token?.generation ?? 0)) return;
    this.#useToken(token);
    if (credential.fits?.(token) === false) this.rejectGeneration(token.generation);
  }

  /** A call, or another process, obtained this token. */
  grant(token: Token): void {
    this.#useToken(token);
    this.dead = undefined;
    this.retryAt = undefined;
    this.ownRetryAt = undefined;
    this.failures = 0;
  }

  /** An upstream has rejected the current token. */
  tokenRejected(): void {
    this.refusedAt = this.#shared.clock.wall();
    this.#shared.rejected.add(this.credential.account);
  }

  /** An upstream has accepted the current token, which was rejected before. */
  tokenAccepted(): void {
    this.acceptedAt = this.#shared.clock.monotonic();
    this.#clearRejection();
  }

  tokenUnsendable(why: string): void {
    this.unsendable = why;
  }

  /** No further request gets a token of this generation, or an earlier one, until the next flight has ended. */
  rejectGeneration(generation: number): void {
    this.rejectedGeneration = Math.max(this.rejectedGeneration, generation);
  }

  /** A request wants a token newer than this generation: the next one that is obtained is. */
  wantNewerThan(generation: number): void {
    this.outdatedGeneration = Math.max(this.outdatedGeneration, generation);
  }

  /** Replaces the token and clears what was known of the one before it. */
  #useToken(token: Token): void {
    this.token = token;
    this.lastUse.note(this.#shared.clock.wall());
    this.refreshAt = refreshAt(this.credential, token, this.#shared.random());
    this.acceptedAt = -Infinity;
    this.#clearRejection();
    this.problem = undefined;
    this.unsendable = undefined;
    this.exhausted = undefined;
  }

  #clearRejection(): void {
    this.refusedAt = undefined;
    this.#shared.rejected.delete(this.credential.account);
  }

  /** Why an account without a login will get no further token; undefined if it may get one. */
  #missingRefreshToken(token: Token | undefined): string | undefined {
    const { canLogin, account } = this.credential;
    if (canLogin || token?.hasRefresh === true || this.pendingWrite !== undefined) return undefined;
    return `it has no refresh token, and its flow has no login; import one with: tokenward import ${account}`;
  }

  // ---- flights

  flightStarted(work: Promise<Token>): void {
    this.#newestFlight = work;
  }

  flightFailed(work: Promise<Token>): void {
    // There is no newer token, so the old one may be tried again (the rejection may concern one request only). Not for
    // a flight that ended after its deadline: the next one has begun.
    if (this.#newestFlight === work) this.rejectedGeneration = -1;
  }

  /** An early renewal begins; if it fails, the next one is due after the pause. */
  postponeEarlyRenewal(): void {
    this.refreshAt = this.#shared.clock.monotonic() + earlyRenewalPause(this.failures);
  }

  addReference(): void {
    this.references += 1;
  }

  removeReference(): void {
    this.references -= 1;
    if (this.references === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Resolves once no request and no work uses the state. Only while something does. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => void this.#onIdle.push(resolve));
  }

  /** A request waits for a token. */
  addWaiter(): void {
    this.waiting += 1;
  }

  removeWaiter(): void {
    this.waiting -= 1;
  }

  // ---- reloads

  /** The settings of the same account after a reload. A renewal under way ends with those that it began with. */
  reconfigure(credential: Credential): void {
    this.nextCredential = credential;
    this.#useNextCredential();
  }

  /** Takes over the settings of the last reload, as if the record were read with them: the next read says the rest. */
  #useNextCredential(): void {
    const { credential: former, nextCredential: next, token } = this;
    if (next === undefined || this.renewals > 0) return;
    this.nextCredential = undefined;
    this.credential = next;
    if (next.credentialsFingerprint !== former.credentialsFingerprint) {
      this.dead = undefined;
      // The pause is over if it was about the credentials, and not about an endpoint that fails.
      if (this.credentialsRefused) {
        this.retryAt = undefined;
        this.problem = undefined;
      }
      this.secretsRereadAt = -Infinity;
    }
    this.budget = undefined;
    this.renewalsLeft = NO_BUDGETS;
    if (token === undefined || next.staticToken !== undefined) return;
    // Not drawn again otherwise: many reloads would make it ever earlier.
    if (next.renew !== former.renew) this.refreshAt = refreshAt(next, token, this.#shared.random());
    if (next.fits?.(token) === false) this.rejectGeneration(token.generation);
  }

  /** Another state takes this one's place. It is used to its end by what uses it now. */
  replaced(): void {
    this.#shared.rejected.delete(this.credential.account);
    this.#shared.troubled.delete(this);
    this.#shared = { ...this.#shared, rejected: new Set(), troubled: new Set() };
  }

  /** Said once, before the first renewal. */
  waitFor(predecessors: Iterable<AccountState>): void {
    this.predecessors = Promise.all([...predecessors].map((state) => state.whenIdle())).then(() => {
      this.predecessors = undefined;
    });
  }

  renewalStarted(): void {
    this.renewals += 1;
  }

  renewalEnded(): void {
    this.renewals -= 1;
    this.#useNextCredential();
  }

  // ---- renewals

  setLeasedAt(requestedAt: Moment | undefined): void {
    this.#leasedAt = requestedAt ?? NO_LEASE;
  }

  /**
   * The age in ms of the lease that this process acquired or prolonged last, by the clock that says more: the monotonic
   * one stands still while the machine is suspended, and the wall clock may be set back. Infinity without a lease.
   */
  get leaseAge(): number {
    const { clock } = this.#shared;
    return Math.max(clock.monotonic() - this.#leasedAt.monotonic, clock.wall() - this.#leasedAt.wall);
  }

  leaseReleaseStarted(release: Promise<void>): void {
    this.leaseRelease = release;
  }

  leaseReleased(release: Promise<void>): void {
    if (this.leaseRelease === release) this.leaseRelease = undefined;
  }

  /** A spend note with this id is about to replace `over`. */
  spendNoteStarted(id: string, over: SpendNote | undefined): void {
    // Before the write is confirmed: the store may carry it out although its reply is lost.
    this.unusedNote = { id, before: this.withoutUnusedNote(over) };
  }

  /** The call of this note has ended and spent nothing, so the note that it replaced counts again. */
  spendNoteUnused(note: SpendNote | undefined, before: SpendNote | undefined): void {
    if (note?.id !== undefined) this.unusedNote = { id: note.id, before };
  }

  /** Nothing was sent for a note whose call this process never made, so the note that it replaced counts again. */
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

  /** The rest of one of the account's renewal budgets. */
  setRenewalsLeft({ window }: BudgetLimits, { remaining, limit, retryAt }: BudgetState): void {
    const per = window / 1000;
    const others = this.renewalsLeft.filter((one) => one.per !== per);
    this.renewalsLeft = [...others, { per, remaining, limit, retryAt }].sort((a, b) => a.per - b.per);
  }

  /** A budget is used up. */
  budgetExhausted(exhausted: 'logins' | 'renewals', problem: string): void {
    this.exhausted = exhausted;
    this.problem = problem;
  }

  /** A call failed. `retryAt`: wall-clock ms before which no other one is made. */
  renewalFailed(problem: string, failures: number, retryAt: number): void {
    this.retryAt = retryAt;
    this.ownRetryAt = retryAt;
    this.failures = failures;
    this.problem = problem;
  }

  /** No call was made, or its outcome is not final yet, for this reason. */
  renewalStopped(problem: string): void {
    this.problem = problem;
  }

  /** The pause after a failure is not over. Returns the reason. */
  renewalPaused(): string {
    // The failure may be another process's, whose reason is not known here.
    return (this.problem ??= 'the last renewal failed');
  }

  /** An operator requested another try. */
  allowRenewal(): void {
    this.retryAt = undefined;
    this.ownRetryAt = undefined;
    this.dead = undefined;
  }

  /** The files of its secrets are not read again before `until`, monotonic ms. */
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

  /** The store has the pending record, or a newer one. */
  pendingWriteDone(): void {
    this.pendingWrite = undefined;
    this.problem = undefined;
  }

  /** The record cannot be opened; it is not read again before `retryAt`, monotonic ms. */
  recordUnreadable(problem: string, retryAt: number): void {
    this.recordRetryAt = retryAt;
    this.recordProblem = problem;
  }

  recordReadable(): void {
    this.recordProblem = undefined;
  }

  /** Lifts the pause after an unreadable record. */
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
