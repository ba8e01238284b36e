import type { BudgetState } from './budget.ts';
import type { Clock, Timers } from './clock.ts';
import type { Credential } from './credential.ts';
import { earlyPause } from './backoff.ts';
import { refreshAt } from './lifetime.ts';
import type { SpendIntent } from './record-marks.ts';
import type { CredentialRecord } from './records.ts';
import { SingleFlight } from './single-flight.ts';
import { Token } from './token.ts';

/** What the accounts of one manager have in common. */
export interface Common {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: () => number;
  /** Accounts whose current token an upstream has refused, nothing having accepted it since. */
  readonly refused: Set<string>;
}

/** What one process knows of one account. Everybody may read it; it changes by its transitions only. */
export type AccountState = Readonly<State>;

/** Knows nothing yet, except a fixed token. */
export function newAccountState(credential: Credential, common: Common): AccountState {
  return new State(credential, common);
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
  refs = 0;
  loaded: boolean;
  dead: string | undefined = undefined;
  problem: string | undefined = undefined;
  /** The login budget did not grant the last login that was wanted. */
  outOfLogins = false;
  /** The account's record does not open. Nothing is read again before `recordRetryAt`, monotonic ms. */
  recordProblem: string | undefined = undefined;
  recordRetryAt = -Infinity;
  /** The record says that these credentials, or earlier ones of the account, were refused. */
  suspect = false;
  /** Monotonic ms before which the files of suspect credentials are not looked at again. */
  lookAgainAt = -Infinity;
  failures = 0;
  /** The store holds a record of this name for another identity, and that has been told. */
  foreign = false;
  /** Wall-clock ms. */
  retryAt: number | undefined = undefined;
  budget: BudgetState | undefined = undefined;
  /** A call to the token endpoint is under way. It may outlive its flight, when the machine was asleep in between. */
  calling = false;
  /**
   * The spend note this process wrote, or tried to write, without making the call so far; and the one it was written
   * over.
   */
  uncalled: { readonly id: string; readonly before: SpendIntent | undefined } | undefined = undefined;
  /** Monotonic ms at which the store was last asked for the lease and gave it. */
  leasedAt = -Infinity;
  /** A lease on its way back to the store. */
  releasing: Promise<void> | undefined = undefined;
  /** A grant the store would not take yet: the only copy, kept and written as soon as it can be. */
  pendingWrite: CredentialRecord | undefined = undefined;
  /** What the newest flight does; an earlier one that missed its deadline may still be at work. */
  #work: Promise<Token> | undefined = undefined;
  readonly #common: Common;

  constructor(credential: Credential, common: Common) {
    const { staticToken } = credential;
    this.credential = credential;
    this.flight = new SingleFlight(common.timers);
    this.token = staticToken === undefined ? undefined : tokenThatNeverExpires(staticToken, common.clock);
    this.loaded = staticToken !== undefined;
    this.#common = common;
  }

  // ---- tokens

  /** Takes over what the store says, if it is about the same identity and not older than what we have. */
  adopt(record: CredentialRecord): void {
    const { credential } = this;
    const { token } = record;
    const isOurs = record.identity === credential.identity;
    this.suspect = (record.dead ?? record.doubt) !== undefined;
    const isDead = record.dead?.credentials === credential.credentialsFingerprint;
    this.dead = isDead ? record.dead.reason : this.#missing(isOurs ? token : undefined);
    // A pause for a second look at credentials that have been changed since is over.
    const isOver = record.doubt !== undefined && record.doubt.credentials !== credential.credentialsFingerprint;
    this.retryAt = isOver ? undefined : record.retryAt;
    this.failures = record.failures;
    if (token !== undefined && isOurs && token.generation > (this.token?.generation ?? 0)) this.#take(token);
  }

  /** A call, or another process, has brought this token: all is well again. */
  grant(token: Token): void {
    this.#take(token);
    this.dead = undefined;
    this.retryAt = undefined;
    this.failures = 0;
  }

  /** An upstream has refused the current token. */
  reject(): void {
    this.refusedAt = this.#common.clock.wall();
    this.#common.refused.add(this.credential.account);
  }

  /** An upstream has accepted the current token, which was refused before. */
  accept(): void {
    this.acceptedAt = this.#common.clock.monotonic();
    this.#forgetRefusal();
  }

  /** Nobody new leaves with a token of this generation, or one before it, until the next flight has ended. */
  proveDead(generation: number): void {
    this.rejectedGeneration = Math.max(this.rejectedGeneration, generation);
  }

  /** A newer token: what was said of the one before it is over. */
  #take(token: Token): void {
    this.token = token;
    this.refreshAt = refreshAt(this.credential, token, this.#common.random());
    this.acceptedAt = -Infinity;
    this.#forgetRefusal();
    this.problem = undefined;
    this.outOfLogins = false;
  }

  #forgetRefusal(): void {
    this.refusedAt = undefined;
    this.#common.refused.delete(this.credential.account);
  }

  /** Why an account that cannot log in by itself will get no further token; undefined if it may. */
  #missing(token: Token | undefined): string | undefined {
    const { canLogin, staticToken, account } = this.credential;
    if (canLogin || staticToken !== undefined || token?.hasRefresh === true || this.pendingWrite !== undefined)
      return undefined;
    return `it has no refresh token, and its flow has no login; bring one with: tokenward import ${account}`;
  }

  // ---- flights

  takeOff(work: Promise<Token>): void {
    this.#work = work;
  }

  land(token: Token): void {
    // Unless the very token it landed on has been refused meanwhile: whoever said so flies again at once.
    if (token.generation > this.rejectedGeneration) this.rejectedGeneration = -1;
  }

  turnBack(work: Promise<Token>): void {
    // The proof is used up: there is no successor, so the old token may be tried again (it may have been one call's
    // problem). Not for a flight that came in late: the next one has begun.
    if (this.#work === work) this.rejectedGeneration = -1;
  }

  /** A renewal ahead of time begins; if it fails, the next one is due so much later. */
  putOffEarly(): void {
    this.refreshAt = this.#common.clock.monotonic() + earlyPause(this.failures);
  }

  hold(): void {
    this.refs += 1;
  }

  letGo(): void {
    this.refs -= 1;
  }

  /** A caller waits for a token. */
  queue(): void {
    this.waiting += 1;
  }

  unqueue(): void {
    this.waiting -= 1;
  }

  // ---- renewals

  leased(asked: number | undefined): void {
    this.leasedAt = asked ?? -Infinity;
  }

  release(release: Promise<void>): void {
    this.releasing = release;
  }

  released(release: Promise<void>): void {
    if (this.releasing === release) this.releasing = undefined;
  }

  /** A spend note of this id is about to be written over another one. */
  intend(id: string, over: SpendIntent | undefined): void {
    // Also if its answer never comes: the store may have carried the write out all the same.
    this.uncalled = { id, before: this.withoutUncalled(over) };
  }

  /**
   * The note of a call that this process never made is taken back: nothing left. What it was written over counts again.
   */
  withoutUncalled(intent: SpendIntent | undefined): SpendIntent | undefined {
    const { uncalled } = this;
    return uncalled !== undefined && intent?.id === uncalled.id ? uncalled.before : intent;
  }

  beginCall(): void {
    this.calling = true;
    this.uncalled = undefined;
  }

  endCall(): void {
    this.calling = false;
  }

  countLogins(budget: BudgetState): void {
    this.budget = budget;
  }

  /** The login budget is used up. */
  runOut(problem: string): void {
    this.outOfLogins = true;
    this.problem = problem;
  }

  /** A call failed. `retryAt`: wall-clock ms before which there is no other one. */
  fail(problem: string, failures: number, retryAt: number): void {
    this.retryAt = retryAt;
    this.failures = failures;
    this.problem = problem;
  }

  /** No call was made, or it decided nothing yet, for this reason. */
  setBack(problem: string): void {
    this.problem = problem;
  }

  /** A pause after a failure is not over. */
  holdBack(): void {
    // Another process may have failed, so that nobody has said here what was wrong.
    this.problem ??= 'the last renewal failed';
  }

  /** An operator wants another try, whatever was found before. */
  revive(): void {
    this.retryAt = undefined;
    this.dead = undefined;
  }

  /** The files of its secrets are not looked at again before `until`, monotonic ms. */
  lookedAgain(until: number): void {
    this.lookAgainAt = until;
  }

  // ---- the record in the store

  load(): void {
    this.loaded = true;
  }

  keepUnsaved(record: CredentialRecord): void {
    this.pendingWrite = record;
  }

  /** The store has what was kept, or something newer. */
  saved(): void {
    this.pendingWrite = undefined;
    this.problem = undefined;
  }

  /** The record does not open; it is not read again before `retryAt`, monotonic ms. */
  recordFails(problem: string, retryAt: number): void {
    this.recordRetryAt = retryAt;
    this.recordProblem = problem;
  }

  recordOpens(): void {
    this.recordProblem = undefined;
  }

  /** Whatever the record looked like: it is read when next asked for. */
  readRecordAnew(): void {
    this.recordRetryAt = -Infinity;
  }

  noteForeign(foreign: boolean): void {
    this.foreign = foreign;
  }
}

function tokenThatNeverExpires(secret: string, clock: Clock): Token {
  const facts = { generation: 1, obtainedAt: clock.wall(), expiresAt: undefined, refreshExpiresAt: undefined };
  return new Token({ ...facts, deadline: Infinity }, secret, undefined);
}
