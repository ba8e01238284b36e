import { TokenwardError } from '../errors.ts';
import { ownToken, type AccountRecords } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import { backoff, backoffLeft, DOUBT_PAUSE_MS, isDoubtful, type InconclusiveOutcome } from './backoff.ts';
import type { BudgetLimits, BudgetState } from './budget.ts';
import type { Parts } from './options.ts';
import type { RenewalKind } from './record-marks.ts';
import type { CredentialRecord } from './records.ts';
import { shuttingDown, type Work } from './work.ts';
import type { RenewalRequest } from './renewal-request.ts';

/** An early renewal that was not made, so that the renewals left serve requests that need one. */
export class EarlyRenewalHeld extends TokenwardError {}

/** The ways in which a renewal brings no token: what is stored of each, and the error that waiting requests get. */
export class RenewalFailures {
  readonly #parts: Parts;
  readonly #work: Work;
  readonly #records: AccountRecords;

  constructor(parts: Parts, work: Work, records: AccountRecords) {
    this.#parts = parts;
    this.#work = work;
    this.#records = records;
  }

  /** Throws if the account is dead, or the pause after a failure is not over. */
  throwIfBlocked(state: AccountState, { useReserve = false }: RenewalRequest): void {
    const { account } = state.credential;
    const { clock, observer } = this.#parts;
    if (this.#work.isClosing()) throw shuttingDown();
    if (state.dead !== undefined) {
      observer.suppressed(state.credential, 'dead');
      throw new TokenwardError('credential_dead', { detail: `account ${account}: ${state.dead}` });
    }
    if (state.calling) {
      const detail = `account ${account}: an earlier renewal has not ended yet`;
      throw new TokenwardError('token_unavailable', { detail, retryAfter: 1 });
    }
    const now = clock.wall();
    const wait = useReserve ? 0 : Math.max(backoffLeft(state.retryAt, now), backoffLeft(state.ownRetryAt, now));
    if (wait > 0) {
      observer.suppressed(state.credential, 'cooldown');
      throw unavailable(state, state.renewalPaused(), wait);
    }
  }

  /** Several logins were cut off; `wait`: ms until the next one. Always throws. */
  lostLogins(state: AccountState, wait: number): never {
    const { observer } = this.#parts;
    observer.suppressed(state.credential, 'lost_login');
    const problem = 'several logins in a row were cut off before their result was stored';
    state.renewalStopped(problem);
    observer.changed(state.credential);
    throw unavailable(state, problem, wait);
  }

  /** The login budget grants no further login. Always throws. */
  outOfLogins(state: AccountState, { retryAt, limit, reserveRemaining }: BudgetState): never {
    const { account } = state.credential;
    const { clock, observer } = this.#parts;
    observer.suppressed(state.credential, 'budget');
    const reserve =
      reserveRemaining === 0
        ? 'none is left in reserve either'
        : `${reserveRemaining} are kept in reserve: tokenward renew ${account} --use-reserve`;
    const problem = `its ${limit} automatic logins are used up; ${reserve}`;
    state.budgetExhausted('logins', problem);
    observer.changed(state.credential);
    const retryAfter = ((retryAt ?? 0) - clock.wall()) / 1000;
    throw new TokenwardError('login_budget_exhausted', { detail: `account ${account}: ${problem}`, retryAfter });
  }

  /** A budget of renewals grants no further call. Always throws. */
  outOfRenewals(state: AccountState, { logins, window }: BudgetLimits, retryAt: number | undefined): never {
    const { account } = state.credential;
    const { clock, observer } = this.#parts;
    observer.suppressed(state.credential, 'budget');
    const now = clock.wall();
    const until = new Date(retryAt ?? now).toISOString();
    const problem = `its ${logins} renewals (logins and refreshes) in ${inWords(window)} are used up until ${until}`;
    state.budgetExhausted('renewals', problem);
    observer.changed(state.credential);
    const retryAfter = ((retryAt ?? now) - now) / 1000;
    throw new TokenwardError('renewal_budget_exhausted', { detail: `account ${account}: ${problem}`, retryAfter });
  }

  /** What is left of a budget is for renewals that a request needs. Always throws; the account is well. */
  earlyRenewalHeld({ credential }: AccountState): never {
    this.#parts.observer.suppressed(credential, 'budget');
    const detail = `account ${credential.account}: what is left of its renewals is kept for when its token has ended`;
    throw new EarlyRenewalHeld('renewal_budget_exhausted', { detail });
  }

  /** The call failed: what worked before is kept, and the next try has to wait. Always throws. */
  async fail(
    state: AccountState,
    record: CredentialRecord,
    kind: RenewalKind,
    outcome: InconclusiveOutcome,
  ): Promise<never> {
    const { credential } = state;
    const { clock, random } = this.#parts;
    // Calls of which nothing was sent do not lengthen the pause after the first one that was.
    const unsent = outcome.kind === 'failed' && outcome.reach === 'unsent';
    const failures = unsent ? Math.max(1, record.failures) : record.failures + 1;
    const now = clock.wall();
    // After a login made instead of a failing refresh the next try is a refresh again, which costs no login.
    const nextKind = record.token?.hasRefresh === true ? 'refresh' : 'login';
    const isBudgeted =
      (nextKind === 'login' && credential.budget !== undefined) || (credential.renewalBudgets ?? []).length > 0;
    const next = isBudgeted ? 'budgeted' : nextKind;
    const retryAt = now + backoff(outcome, failures, next, random());
    const detail = 'detail' in outcome ? outcome.detail : undefined;
    const problem = `the ${kind} failed (${outcome.reason}${detail === undefined ? '' : `: ${detail}`})`;
    state.renewalFailed(problem, failures, retryAt);
    // The pause of a doubt about other credentials is over; this one is not.
    const doubt = record.doubt?.credentials === credential.credentialsFingerprint ? record.doubt : undefined;
    this.#records.adopt(state, await this.#records.save(state, { ...record, failures, retryAt, doubt }));
    throw unavailable(state, problem, retryAt - clock.wall());
  }

  /**
   * The endpoint says that the credentials are wrong. If they worked within the last hour, the login is made once more
   * before a person must act. Always throws.
   */
  async refusedLogin(
    state: AccountState,
    record: CredentialRecord,
    reason: string,
    byOperator: boolean,
  ): Promise<never> {
    const { credentialsFingerprint } = state.credential;
    const now = this.#parts.clock.wall();
    const refusal = `the token endpoint refused the login (${reason})`;
    // An operator's renewal gets the final outcome at once.
    if (byOperator || !isDoubtful(record, credentialsFingerprint, now)) return this.markDead(state, record, refusal);
    const doubt =
      record.doubt?.credentials === credentialsFingerprint
        ? record.doubt
        : { since: now, credentials: credentialsFingerprint };
    const retryAt = doubt.since + DOUBT_PAUSE_MS;
    const failures = record.failures + 1;
    const lately = 'though it worked within the last hour; it is tried once more before the account counts as dead';
    const problem = `${refusal}, ${lately}`;
    state.renewalStopped(problem);
    const next = { ...record, intent: undefined, doubt, failures, retryAt };
    this.#records.adopt(state, await this.#records.save(state, next));
    throw unavailable(state, problem, retryAt - now);
  }

  /** Only a person can help: no call is made with these credentials again. Always throws. */
  async markDead(state: AccountState, record: CredentialRecord, why: string): Promise<never> {
    const { account, identity, credentialsFingerprint, canLogin } = state.credential;
    const reason = canLogin ? why : `${why}; import a new one with: tokenward import ${account}`;
    const dead = { reason, since: this.#parts.clock.wall(), credentials: credentialsFingerprint };
    const token = ownToken(state, record);
    const next = { ...record, identity, token, intent: undefined, doubt: undefined, dead };
    this.#records.adopt(state, await this.#records.save(state, next));
    throw new TokenwardError('credential_dead', { detail: `account ${account}: ${reason}` });
  }

  /**
   * The process ends before a login: the next process makes it. What is known of the refresh token is stored for it.
   * Always throws.
   */
  async stopForShutdown(state: AccountState, record: CredentialRecord): Promise<never> {
    const { identity } = state.credential;
    await this.#records.save(state, { ...record, identity, token: ownToken(state, record) });
    throw shuttingDown();
  }
}

/** No token for `wait` ms. The state's own `problem` may be gone by now: a token came during the last await. */
function unavailable({ credential }: AccountState, problem: string, wait: number): TokenwardError {
  const detail = `account ${credential.account}: ${problem}`;
  return new TokenwardError('token_unavailable', { detail, retryAfter: wait / 1000 });
}

function inWords(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}
