import { randomBytes } from 'node:crypto';
import { LEASE_SAFE_MS } from '../deadlines.ts';
import { Superseded, ownToken, type AccountRecords } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import { lostLoginWait } from './backoff.ts';
import { leftByEarly, type BudgetLimits, type LoginBudgets } from './budget.ts';
import type { Outcome } from './credential.ts';
import { nextToken } from './lifetime.ts';
import type { RenewalReport } from './observer.ts';
import type { Parts } from './options.ts';
import type { RenewalKind } from './record-marks.ts';
import type { CredentialRecord } from './records.ts';
import type { RenewalFailures } from './renewal-failures.ts';
import type { RenewalRequest } from './renewal-request.ts';
import type { RenewalCause } from './status.ts';
import type { StoreAccess } from './store-access.ts';
import type { Grant, Token } from './token.ts';
import type { PendingWrites } from './pending-writes.ts';

/** What a call works with. */
interface Needs {
  readonly parts: Parts;
  readonly store: StoreAccess;
  readonly records: AccountRecords;
  readonly budgets: LoginBudgets;
  readonly pendingWrites: PendingWrites;
  readonly failures: RenewalFailures;
}

/** One call counted in one budget; `at` as in a debit. */
interface Counted {
  readonly limits: BudgetLimits;
  readonly at: number;
}

/** A call that may be made: its record, and where it was counted. */
interface CountedCall {
  readonly record: CredentialRecord;
  readonly counted: readonly Counted[];
}

/** One call to a token endpoint: counted and noted before it is made, and what it grants stored before it is used. */
export class RenewalCall {
  readonly #needs: Needs;

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** Debits the budgets and writes the spend note; both before a password or refresh token is sent. */
  async begin(
    state: AccountState,
    record: CredentialRecord,
    kind: RenewalKind,
    request: RenewalRequest,
  ): Promise<CountedCall> {
    const { parts, failures } = this.#needs;
    const isFree = kind === 'refresh' || request.useReserve === true;
    const pause = isFree ? 0 : lostLoginWait(record.intent, parts.clock.wall());
    if (pause > 0) return failures.lostLogins(state, pause);
    const counted = await this.#debit(state, kind, request).catch(async (error: unknown) => {
      await this.#removeUnusedNote(state);
      throw error;
    });
    try {
      return { record: await this.writeSpendNote(state, record, kind), counted };
    } catch (error) {
      // Another renewal went on, so this call is not made and must not stay counted.
      if (error instanceof Superseded) await this.takeBack(state, counted);
      throw error;
    }
  }

  /**
   * No repeat is made of a call that spent nothing, and its note is still in the store: another process that found it
   * there would log in.
   */
  async #removeUnusedNote(state: AccountState): Promise<void> {
    const { records } = this.#needs;
    if (state.unusedNote === undefined) return;
    try {
      await records.takeBackNote(state, await records.read(state));
    } catch {
      // It costs a login at most.
    }
  }

  /** Counts the call in every budget of the account that it concerns, or in none. */
  async #debit(
    state: AccountState,
    kind: RenewalKind,
    { useReserve = false, cause }: RenewalRequest,
  ): Promise<readonly Counted[]> {
    const { budget, renewalBudgets = [] } = state.credential;
    const { store, budgets, failures } = this.#needs;
    const counted: Counted[] = [];
    try {
      if (kind === 'login' && budget !== undefined) {
        const debit = await store.run('debit', () => budgets.debit(budget, useReserve));
        state.setBudget(debit.state);
        if (!debit.granted) return failures.outOfLogins(state, debit.state);
        counted.push({ limits: budget, at: debit.at });
      }
      const isEarly = cause.why === 'early';
      for (const limits of renewalBudgets) {
        const leave = isEarly ? leftByEarly(limits) : 0;
        const debit = await store.run('debit', () => budgets.debit(limits, true, leave));
        state.setRenewalsLeft(limits, debit.state);
        if (!debit.granted && isEarly) return failures.earlyRenewalHeld(state);
        if (!debit.granted) return failures.outOfRenewals(state, limits, debit.state.retryAt);
        counted.push({ limits, at: debit.at });
      }
    } catch (error) {
      await this.takeBack(state, counted);
      throw error;
    }
    return counted;
  }

  /**
   * Nothing of this call was sent, so it does not count. If the store cannot be written now, it counts one too many:
   * safe.
   */
  async takeBack(state: AccountState, counted: readonly Counted[]): Promise<void> {
    const { parts, budgets } = this.#needs;
    for (const { limits, at } of counted) {
      const isOfLogins = limits.key === state.credential.budget?.key;
      await budgets.takeBack(limits, at).then(
        (left) => (isOfLogins ? state.setBudget(left) : state.setRenewalsLeft(limits, left)),
        (error: unknown) => parts.observer.storeFailed('debit', error),
      );
    }
  }

  /** Notes durably what is about to be spent. Rejects with Superseded if the lease may be over. */
  async writeSpendNote(state: AccountState, record: CredentialRecord, kind: RenewalKind): Promise<CredentialRecord> {
    const attempt = record.intent?.kind === kind ? record.intent.attempt + 1 : 1;
    const { account, identity } = state.credential;
    const { parts, records } = this.#needs;
    const { clock, checkpoint } = parts;
    const id = randomBytes(9).toString('base64url');
    state.spendNoteStarted(id, record.intent);
    const intent = { kind, startedAt: clock.wall(), attempt, id };
    const written = await records.save(state, { ...record, identity, token: ownToken(state, record), intent });
    checkpoint?.('P2 intent stored');
    // The process was stopped for so long (SIGSTOP, a paused container) that another may hold the lease: it has read
    // the note and acts on it.
    // Or an earlier renewal of this process has ended meanwhile: this one's record has the token that it spent.
    const isOld = (state.token?.generation ?? 0) > record.generation;
    if (isOld || state.calling || state.leaseAge > LEASE_SAFE_MS || clock.wall() - intent.startedAt > LEASE_SAFE_MS) {
      const detail = `account ${account}: its renewal was interrupted`;
      throw new Superseded('token_unavailable', { detail, retryAfter: 1 });
    }
    return written;
  }

  /** The call itself. Every outcome but a grant is reported here; one with a grant ends when `accept` has stored it. */
  async make(
    state: AccountState,
    kind: RenewalKind,
    cause: RenewalCause,
    call: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const { clock, observer, checkpoint } = this.#needs.parts;
    const start = clock.monotonic();
    state.beginCall();
    const outcome = await call().catch((error: unknown) => {
      state.endCall();
      throw error;
    });
    checkpoint?.('P6 answer read');
    if (outcome.kind !== 'granted') {
      state.endCall();
      observer.renewed(state.credential, {
        kind,
        cause,
        outcome: outcome.kind,
        reason: outcome.reason,
        detail: 'detail' in outcome ? outcome.detail : undefined,
        seconds: (clock.monotonic() - start) / 1000,
        generation: undefined,
        expiresAt: undefined,
        budget: state.budget,
        ...renewalsLeft(state),
      });
    }
    return outcome;
  }

  /**
   * A grant becomes the next generation: stored first, used after. `startedAt`: monotonic ms at which the call began.
   */
  async accept(
    state: AccountState,
    record: CredentialRecord,
    grant: Grant,
    kind: RenewalKind,
    cause: RenewalCause,
    startedAt: number,
  ): Promise<Token> {
    // Until it is stored, a second renewal of this process would read the token that is spent.
    return this.#accept(state, record, grant, kind, cause, startedAt).finally(() => state.endCall());
  }

  async #accept(
    state: AccountState,
    record: CredentialRecord,
    grant: Grant,
    kind: RenewalKind,
    cause: RenewalCause,
    startedAt: number,
  ): Promise<Token> {
    const { credential } = state;
    const { parts, store, records, pendingWrites } = this.#needs;
    const { clock, observer } = parts;
    const seconds = (clock.monotonic() - startedAt) / 1000;
    const previous = ownToken(state, record);
    // Also above one that the store has lost since: who waits for a newer token would else renew until the count has
    // caught up.
    const known = Math.max(record.generation, state.token?.generation ?? 0, state.outdatedGeneration);
    const generation = known + 1;
    const token = nextToken(generation, grant, previous, clock);
    const next: CredentialRecord = {
      ...record,
      generation,
      identity: credential.identity,
      token,
      intent: undefined,
      dead: undefined,
      failures: 0,
      retryAt: undefined,
      refreshFailures: 0,
      doubt: undefined,
      gaveUpAt: kind === 'refresh' ? undefined : record.gaveUpAt,
      loggedInAt: kind === 'login' ? clock.wall() : record.loggedInAt,
    };
    const report = (): void =>
      observer.renewed(credential, {
        kind,
        cause,
        outcome: 'granted',
        reason: '',
        detail: undefined,
        seconds,
        generation,
        expiresAt: token.expiresAt,
        budget: state.budget,
        ...renewalsLeft(state),
      });
    let saved: CredentialRecord | undefined;
    let stored: CredentialRecord | undefined;
    try {
      saved = await store.run('write', () => parts.records.replace(credential.account, next));
      // Another process took over the lease during the call and was faster.
      if (saved === undefined) stored = await records.read(state);
    } catch {
      // The old pair may have ended, and this is the only copy of the new one: it is used, and written when the store
      // is back.
      state.keepPendingWrite(next);
      report();
      pendingWrites.keepSaving(state);
      return this.#use(state, token);
    }
    if (stored !== undefined) {
      // The stored token of the other process counts; this one is dropped.
      if (records.isNewer(state, stored, record.generation)) return records.adopt(state, stored)!;
      // The stored token has expired, but its refresh token is newer: it is to be renewed, not overwritten.
      const isNewer = stored.token !== undefined && stored.generation > record.generation;
      if (isNewer && stored.identity === credential.identity) {
        const detail = `account ${credential.account}: another process has renewed it`;
        throw new Superseded('token_unavailable', { detail, retryAfter: 1 });
      }
      return this.#accept(state, stored, grant, kind, cause, startedAt);
    }
    parts.checkpoint?.('P7 token stored');
    report();
    return this.#use(state, token);
  }

  #use(state: AccountState, token: Token): Token {
    state.grant(token);
    this.#needs.parts.observer.changed(state.credential);
    return token;
  }
}

function renewalsLeft({ renewalsLeft }: AccountState): Pick<RenewalReport, 'renewalsLeft'> {
  if (renewalsLeft.length === 0) return {};
  return { renewalsLeft: Math.min(...renewalsLeft.map(({ remaining }) => remaining)) };
}
