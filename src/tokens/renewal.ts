import { LEASE_WAIT_MS, QUICK_REQUEST_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import { Superseded, ownToken, type AccountRecords } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import { shouldGiveUpRefresh, maySpendRefresh, MAX_FIRST_BACKOFF_MS, quickRetryPause } from './backoff.ts';
import { sleep } from './clock.ts';
import type { Outcome } from './credential.ts';
import type { Leases } from './lease.ts';
import { isUsable } from './lifetime.ts';
import type { Parts } from './options.ts';
import type { CredentialRecord } from './records.ts';
import type { Recovery } from './recovery.ts';
import type { RenewalCall } from './renewal-call.ts';
import type { RenewalFailures } from './renewal-failures.ts';
import type { SecretFiles } from './secret-files.ts';
import type { StoreAccess } from './store-access.ts';
import { Token } from './token.ts';
import type { PendingWrites } from './pending-writes.ts';
import type { RenewalRequest } from './renewal-request.ts';
import { shuttingDown, type Work } from './work.ts';

/** Interval between requests for a lease that another process holds. ms. */
const LEASE_POLL_INTERVAL_MS = 100;

/** What a renewal works with. */
export interface RenewalNeeds {
  readonly parts: Parts;
  readonly work: Work;
  readonly store: StoreAccess;
  readonly records: AccountRecords;
  readonly secrets: SecretFiles;
  readonly leases: Leases;
  readonly pendingWrites: PendingWrites;
  readonly recovery: Recovery;
  readonly failures: RenewalFailures;
  readonly call: RenewalCall;
}

/** The procedure by which an account gets a new token. */
export class Renewal {
  readonly #parts: Parts;
  readonly #work: Work;
  readonly #store: StoreAccess;
  readonly #records: AccountRecords;
  readonly #secrets: SecretFiles;
  readonly #leases: Leases;
  readonly #pendingWrites: PendingWrites;
  readonly #recovery: Recovery;
  readonly #failures: RenewalFailures;
  readonly #call: RenewalCall;

  constructor(needs: RenewalNeeds) {
    this.#parts = needs.parts;
    this.#work = needs.work;
    this.#store = needs.store;
    this.#records = needs.records;
    this.#secrets = needs.secrets;
    this.#leases = needs.leases;
    this.#pendingWrites = needs.pendingWrites;
    this.#recovery = needs.recovery;
    this.#failures = needs.failures;
    this.#call = needs.call;
  }

  /** Lease → re-read → compare → call → store → release. Checks before the lease avoid taking it needlessly. */
  async run(state: AccountState, newerThan: number, request: RenewalRequest): Promise<Token> {
    if (state.pendingWrite !== undefined) await this.#pendingWrites.save(state);
    const newer = await this.#records.reread(state, newerThan);
    if (newer !== undefined) return newer;
    await this.#secrets.rereadIfDue(state);
    this.#failures.throwIfBlocked(state, request);

    await this.#recovery.settled;
    // Last: a grant that was stored late gives the lease up at any moment before this renewal has entered.
    while (state.leaseRelease !== undefined) await state.leaseRelease;
    this.#parts.checkpoint?.('P0 before lease');
    this.#leases.enter(state);
    let hasLease = false;
    try {
      const theirs = await this.#acquireLease(state, newerThan);
      if (theirs !== undefined) return theirs;
      hasLease = true;
      this.#parts.checkpoint?.('P1 lease taken');
      return await this.#underLease(state, newerThan, request);
    } finally {
      this.#leases.leave(state, hasLease);
    }
  }

  /** Waits for the lease. Returns a token instead if another process has obtained one meanwhile. */
  async #acquireLease(state: AccountState, newerThan: number): Promise<Token | undefined> {
    const deadline = this.#parts.clock.monotonic() + LEASE_WAIT_MS;
    while (!(await this.#store.run('lease', () => this.#leases.take(state)))) {
      if (this.#work.isClosing()) throw shuttingDown();
      if (this.#parts.clock.monotonic() >= deadline) {
        const detail = `account ${state.credential.account}: another process is renewing it and has not finished`;
        throw new TokenwardError('token_unavailable', { detail, retryAfter: 1 });
      }
      await sleep(this.#parts.timers, LEASE_POLL_INTERVAL_MS * (0.5 + this.#parts.random()));
      const theirs = await this.#records.reread(state, newerThan);
      if (theirs !== undefined) return theirs;
    }
    return undefined;
  }

  /** Obtains a token, once more if another process has written the record in between. */
  async #underLease(state: AccountState, newerThan: number, request: RenewalRequest): Promise<Token> {
    const stopProlonging = this.#leases.prolong(state);
    try {
      return await this.#compareAndObtain(state, newerThan, request).catch(async (error: unknown) => {
        if (!(error instanceof Superseded)) throw error;
        // The process that was faster may have finished by now: its token serves as well.
        const theirs = await this.#records.reread(state, newerThan);
        if (theirs !== undefined) return theirs;
        // Or it has only written back an old token to a store that had lost it.
        if (this.#work.isClosing() || !(await this.#store.run('lease', () => this.#leases.take(state)))) throw error;
        return this.#compareAndObtain(state, newerThan, request);
      });
    } finally {
      stopProlonging();
    }
  }

  /** Obtains a token, unless another process has stored a newer one before this one had the lease. */
  async #compareAndObtain(state: AccountState, newerThan: number, request: RenewalRequest): Promise<Token> {
    const record = await this.#records.read(state);
    if (this.#records.isNewer(state, record, newerThan)) return this.#records.adopt(state, record)!;
    this.#records.adopt(state, record);
    this.#failures.throwIfBlocked(state, request);
    return this.#obtain(state, await this.#writeBack(state, record), request);
  }

  /** Another process may write the same token back at the same moment, without a lease: then it is there. */
  async #writeBack(state: AccountState, record: CredentialRecord): Promise<CredentialRecord> {
    try {
      return await this.#records.writeBack(state, record);
    } catch (error) {
      if (!(error instanceof Superseded)) throw error;
      return this.#records.writeBack(state, await this.#records.read(state));
    }
  }

  /** With the lease held: refreshes if there is a refresh token to spend, otherwise (or if that failed) logs in. */
  async #obtain(state: AccountState, record: CredentialRecord, request: RenewalRequest): Promise<Token> {
    const { credential } = state;
    const { clock } = this.#parts;
    let current: CredentialRecord = { ...record, intent: state.withoutUnusedNote(record.intent) };
    const token = ownToken(state, record);
    if (request.login !== true && token !== undefined && maySpendRefresh(credential, current, token, clock.wall())) {
      const refreshed = await this.#refresh(state, current, token, request);
      if (refreshed instanceof Token) return refreshed;
      current = refreshed;
    } else if (!credential.canLogin) {
      // It has one: an account that can neither refresh nor log in is dead before.
      return this.#failures.markDead(state, current, 'its refresh token has ended, or may have been spent already');
    } else if (token?.hasRefresh === true) {
      // It has expired or may be spent: it leaves the record together with the login's spend note, so that no later
      // failure can bring it back.
      current = { ...current, token: token.withoutRefresh() };
    }
    return this.#login(state, current, request);
  }

  /**
   * Spends the refresh token. Returns the new token, or the record from which to log in. Throws if neither is possible.
   */
  async #refresh(
    state: AccountState,
    record: CredentialRecord,
    oldToken: Token,
    request: RenewalRequest,
  ): Promise<Token | CredentialRecord> {
    const { credential } = state;
    const { clock } = this.#parts;
    const { cause } = request;
    let current = record;
    let token = oldToken;
    let reread = false;
    for (let failures = record.failures; ; failures += 1) {
      const before = current.intent;
      const startedAt = clock.monotonic();
      const { record: noted, counted } = await this.#call.begin(state, current, 'refresh', request);
      current = noted;
      const outcome = await this.#call.make(state, 'refresh', cause, () => credential.refresh(token));
      if (outcome.kind === 'granted')
        return this.#call.accept(state, current, outcome.grant, 'refresh', cause, startedAt);
      if (wasNotSent(outcome)) await this.#call.takeBack(state, counted);
      if (outcome.kind === 'impossible') return this.#failures.markDead(state, current, outcome.reason);
      if (outcome.kind === 'refused') {
        // Another process whose lease ran out may have spent it. Then the token that replaced it is in the store.
        const stored = await this.#records.read(state);
        if (this.#records.isNewer(state, stored, current.generation)) return this.#records.adopt(state, stored)!;
        // The client's own secret, or the password for the login that comes next, may have been changed.
        const changed = !reread && (await this.#secrets.reread(state));
        reread = true;
        if (changed && !credential.canLogin && !this.#work.isClosing()) {
          current = { ...stored, intent: undefined };
          continue;
        }
        const reason = `the token endpoint refused its refresh token (${outcome.reason})`;
        if (!credential.canLogin) return this.#failures.markDead(state, stored, reason);
        return { ...stored, token: token.withoutRefresh() };
      }
      // The note of a refresh that may have been carried out stays: `maySpendRefresh` decides whether its token is sent
      // again. A repeat that did not arrive says nothing about the first one, whose note counts again.
      const rotated = outcome.kind === 'failed' ? outcome.rotated : undefined;
      const maybeSpent = outcome.kind === 'failed' && outcome.maybeSpent && rotated === undefined;
      const answered = outcome.kind === 'failed' && outcome.reach === 'answered';
      const refreshFailures = current.refreshFailures + (answered ? 1 : 0);
      // Remembered here in case the store cannot be written now: a note left there would cost a login.
      if (!maybeSpent && rotated === undefined) state.spendNoteUnused(current.intent, before);
      current = { ...current, intent: maybeSpent ? current.intent : before, refreshFailures };
      if (rotated !== undefined) {
        // The old one is spent, and this is the only copy: it is stored before anything else.
        token = token.withRefresh(rotated);
        current = await this.#records.save(state, { ...current, token, intent: undefined });
      }
      const isSpendable = (): boolean => maySpendRefresh(credential, current, token, clock.wall());
      const pause = isSpendable() && this.#hasTime(state, startedAt) ? quickRetryPause(outcome, failures) : undefined;
      if (pause !== undefined) {
        await sleep(this.#parts.timers, pause);
        // Asked again: the process may have been stopped meanwhile, and the endpoint's grace be over.
        if (!this.#work.isClosing() && isSpendable()) continue;
      }
      // While the old token is usable there is time: logins are rationed.
      if (credential.canLogin && !this.#lastsUntilNextTry(state)) {
        if (!isSpendable()) return { ...current, token: token.withoutRefresh() };
        if (!this.#work.isClosing() && shouldGiveUpRefresh(current, clock.wall())) {
          const givenUp = { ...current, gaveUpAt: clock.wall() };
          // The login's note takes the place of the one that says that it may be spent. Otherwise the refresh token
          // stays: if the login fails as well, the cause is the endpoint, not the token.
          return current.intent?.kind === 'refresh' ? { ...givenUp, token: token.withoutRefresh() } : givenUp;
        }
      }
      return this.#failures.fail(state, current, 'refresh', outcome);
    }
  }

  async #login(state: AccountState, record: CredentialRecord, request: RenewalRequest): Promise<Token> {
    const { credential } = state;
    const { clock } = this.#parts;
    const { cause } = request;
    let current = record;
    let reread = false;
    for (let failures = record.failures; ; failures += 1) {
      if (this.#work.isClosing()) return this.#failures.stopForShutdown(state, current);
      const startedAt = clock.monotonic();
      const { record: noted, counted } = await this.#call.begin(state, current, 'login', request);
      current = noted;
      const outcome = await this.#call.make(state, 'login', cause, () => credential.login());
      if (outcome.kind === 'granted')
        return this.#call.accept(state, current, outcome.grant, 'login', cause, startedAt);
      if (outcome.kind === 'refused' && !reread) {
        reread = true;
        if (await this.#secrets.reread(state)) {
          // The note and the doubt were about the credentials before these.
          current = await this.#records.save(state, { ...current, intent: undefined, doubt: undefined });
          continue;
        }
      }
      if (outcome.kind === 'refused') {
        return this.#failures.refusedLogin(state, current, outcome.reason, cause.why === 'operator');
      }
      if (wasNotSent(outcome)) await this.#call.takeBack(state, counted);
      if (outcome.kind === 'impossible') return this.#failures.markDead(state, current, outcome.reason);
      current = { ...current, intent: undefined };
      const pause = this.#hasTime(state, startedAt) ? quickRetryPause(outcome, failures) : undefined;
      if (pause === undefined) return this.#failures.fail(state, current, 'login', outcome);
      await sleep(this.#parts.timers, pause);
    }
  }

  /** Whether requests may wait for one quick repeat of the call that began at `startedAt` (monotonic ms). */
  #hasTime(state: AccountState, startedAt: number): boolean {
    if (this.#work.isClosing() || this.#lastsUntilNextTry(state)) return false;
    return this.#parts.clock.monotonic() - startedAt < QUICK_REQUEST_MS;
  }

  /** Whether the token in use stays usable until the next try is due. */
  #lastsUntilNextTry({ token, rejectedGeneration }: AccountState): boolean {
    const { clock } = this.#parts;
    if (token === undefined || token.generation <= rejectedGeneration || !isUsable(token, clock)) return false;
    return token.deadline - clock.monotonic() > MAX_FIRST_BACKOFF_MS;
  }
}

/** Whether no byte of the call can have reached the endpoint. */
function wasNotSent(outcome: Outcome): boolean {
  return outcome.kind === 'impossible' || (outcome.kind === 'failed' && outcome.reach === 'unsent');
}
