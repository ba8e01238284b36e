import { TokenwardError } from '../errors.ts';
import type { AccountState } from './account-state.ts';
import type { LoginBudgets } from './budget.ts';
import { isUsable } from './lifetime.ts';
import type { Parts } from './options.ts';
import type { CredentialRecord } from './records.ts';
import type { StoreAccess } from './store-access.ts';
import { RecordError } from './store.ts';
import type { Token } from './token.ts';

/** A record that cannot be opened is read again after this time: an operator may have repaired it. ms. */
const RECORD_RETRY_MS = 5_000;

/** Another process has gone on with the renewal that this one had begun. */
export class Superseded extends TokenwardError {}

/** Reads and writes an account's record, and updates its state from it. */
export class AccountRecords {
  readonly #parts: Parts;
  readonly #store: StoreAccess;
  readonly #budgets: LoginBudgets;

  constructor(parts: Parts, store: StoreAccess, budgets: LoginBudgets) {
    this.#parts = parts;
    this.#store = store;
    this.#budgets = budgets;
  }

  /** Reads the record for the first time. */
  async load(state: AccountState): Promise<void> {
    if (state.loaded) return;
    const { account, formerName, identity } = state.credential;
    const { records } = this.#parts;
    await this.refreshBudget(state);
    if (formerName !== undefined) {
      await this.#store.run('write', () => records.adoptFormer(account, formerName, identity));
    }
    this.adopt(state, await this.read(state));
    state.recordLoaded();
  }

  /**
   * The account's record. Rejects with a TokenwardError; for a record that cannot be opened, with one about this
   * account only.
   */
  async read(state: AccountState): Promise<CredentialRecord> {
    const { credential } = state;
    const { records, clock, observer } = this.#parts;
    if (clock.monotonic() < state.recordRetryAt) throw unreadable(state);
    try {
      const record = await this.#store.run('read', () => records.read(credential.account, credential.identity));
      this.#noteForeignRecord(state, record);
      if (state.recordProblem !== undefined) {
        state.recordReadable();
        observer.changed(credential);
      }
      return record;
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      const isNew = state.recordProblem === undefined;
      state.recordUnreadable(error.message, clock.monotonic() + RECORD_RETRY_MS);
      if (isNew) {
        observer.recordUnreadable?.(credential, error);
        observer.changed(credential);
      }
      throw unreadable(state);
    }
  }

  /** Takes over the record. Returns the token that is in use now. */
  adopt(state: AccountState, record: CredentialRecord): Token | undefined {
    state.adopt(record);
    this.#parts.observer.changed(state.credential);
    return state.token;
  }

  /** Reads and takes over the record. Returns its token only if it is newer than the generation `newerThan`. */
  async reread(state: AccountState, newerThan: number): Promise<Token | undefined> {
    const record = await this.read(state);
    const newer = this.isNewer(state, record, newerThan);
    const token = this.adopt(state, record);
    state.recordLoaded();
    return newer ? token : undefined;
  }

  /** Whether the record has a usable token of this account that is newer than the generation `newerThan`. */
  isNewer({ credential }: AccountState, { token, generation, identity }: CredentialRecord, newerThan: number): boolean {
    const isNewer = token !== undefined && generation > newerThan;
    return isNewer && identity === credential.identity && isUsable(token, this.#parts.clock);
  }

  /** Compare and set. Rejects with Superseded if another process wrote in between. */
  async save({ credential: { account } }: AccountState, next: CredentialRecord): Promise<CredentialRecord> {
    const saved = await this.#store.run('write', () => this.#parts.records.replace(account, next));
    if (saved !== undefined) return saved;
    const detail = `account ${account}: another process is renewing it`;
    throw new Superseded('token_unavailable', { detail, retryAfter: 1 });
  }

  /**
   * A store whose record is older than the state has lost a write: by a flush, or a failover to a replica that was
   * behind. The newer token is written back; otherwise a spent refresh token, or none, would count as the current one.
   */
  async writeBack(state: AccountState, record: CredentialRecord): Promise<CredentialRecord> {
    const { token, credential } = state;
    if (token === undefined || record.generation >= token.generation) return record;
    const { identity } = credential;
    return this.save(state, { ...record, generation: token.generation, identity, token, intent: undefined });
  }

  /**
   * Removes a spend note of this process whose call was never made: another process that found it would log in rather
   * than spend the refresh token. Only while no renewal of this process is under way. Rejects with Superseded if
   * another process has gone on.
   */
  async takeBackNote(state: AccountState, record: CredentialRecord): Promise<CredentialRecord> {
    const intent = state.withoutUnusedNote(record.intent);
    return intent === record.intent ? record : this.save(state, { ...record, intent });
  }

  /** Updates the account's counts of logins and renewals. */
  async refreshBudget(state: AccountState): Promise<void> {
    const { budget, renewalBudgets = [] } = state.credential;
    if (budget !== undefined) state.setBudget(await this.#store.run('read', () => this.#budgets.state(budget)));
    for (const limits of renewalBudgets)
      state.setRenewalsLeft(limits, await this.#store.run('read', () => this.#budgets.state(limits)));
  }

  /**
   * Another deployment keeps its token under the same name in the same store. Reported once: one of the two is
   * misconfigured.
   */
  #noteForeignRecord(state: AccountState, { foreign = false }: CredentialRecord): void {
    if (foreign && !state.foreignRecord) this.#parts.observer.foreignRecord?.(state.credential);
    state.setForeignRecord(foreign);
  }
}

/** The record's token, if it is of the identity that is configured. */
export function ownToken({ credential }: AccountState, record: CredentialRecord): Token | undefined {
  return record.identity === credential.identity ? record.token : undefined;
}

function unreadable({ credential, recordProblem }: AccountState): TokenwardError {
  return new TokenwardError('store_unavailable', { detail: `account ${credential.account}: ${recordProblem!}` });
}
