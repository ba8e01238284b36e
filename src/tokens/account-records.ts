import { TokenwardError } from '../errors.ts';
import type { AccountState } from './account-state.ts';
import type { LoginBudgets } from './budget.ts';
import { isUsable } from './lifetime.ts';
import type { Parts } from './options.ts';
import type { CredentialRecord } from './records.ts';
import type { StoreAccess } from './store-access.ts';
import { RecordError } from './store.ts';
import type { Token } from './token.ts';

/** A record that does not open is looked at again no sooner than this: an operator may have mended it. ms. */
const RECORD_RETRY_MS = 5_000;

/** Another process has gone on with the renewal that this one had begun. */
export class Superseded extends TokenwardError {}

/** What the store says of an account, and what the account's state takes from it. */
export class AccountRecords {
  readonly #parts: Parts;
  readonly #store: StoreAccess;
  readonly #budgets: LoginBudgets;

  constructor(parts: Parts, store: StoreAccess, budgets: LoginBudgets) {
    this.#parts = parts;
    this.#store = store;
    this.#budgets = budgets;
  }

  /** For the first time. */
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
   * The account's record. Rejects with a TokenwardError, if the record does not open with one that concerns this
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

  /** Takes over what the store says, and gives the token that is in use now. */
  adopt(state: AccountState, record: CredentialRecord): Token | undefined {
    state.adopt(record);
    this.#parts.observer.changed(state.credential);
    return state.token;
  }

  /** Reads and takes over. Gives a token only if it is newer than the refused one. */
  async reread(state: AccountState, refused: number): Promise<Token | undefined> {
    const record = await this.read(state);
    const newer = this.isNewer(state, record, refused);
    const token = this.adopt(state, record);
    state.recordLoaded();
    return newer ? token : undefined;
  }

  /** Whether the record has a token of this account that lives and is newer than the refused one. */
  isNewer({ credential }: AccountState, { token, generation, identity }: CredentialRecord, refused: number): boolean {
    const isNewer = token !== undefined && generation > refused;
    return isNewer && identity === credential.identity && isUsable(token, this.#parts.clock);
  }

  /** Compare and set. Rejects with Overtaken if somebody else wrote in between. */
  async save({ credential: { account } }: AccountState, next: CredentialRecord): Promise<CredentialRecord> {
    const saved = await this.#store.run('write', () => this.#parts.records.replace(account, next));
    if (saved !== undefined) return saved;
    const detail = `account ${account}: another process is renewing it`;
    throw new Superseded('token_unavailable', { detail, retryAfter: 1 });
  }

  /**
   * A store that knows less than we do has lost something: a flush, or a failover to a replica that was behind. What we
   * hold is newer, so it is written back; otherwise a spent refresh token, or none, would be taken for the current one.
   */
  async writeBack(state: AccountState, record: CredentialRecord): Promise<CredentialRecord> {
    const { token, credential } = state;
    if (token === undefined || credential.staticToken !== undefined || record.generation >= token.generation)
      return record;
    const { identity } = credential;
    return this.save(state, { ...record, generation: token.generation, identity, token, intent: undefined });
  }

  /** Brings the account's count of logins up to date. */
  async refreshBudget(state: AccountState): Promise<void> {
    const { budget } = state.credential;
    if (budget !== undefined) state.setBudget(await this.#store.run('read', () => this.#budgets.state(budget)));
  }

  /**
   * Another deployment keeps its token under the same name in the same store: told once, since one of them is set up
   * wrong.
   */
  #noteForeignRecord(state: AccountState, { foreign = false }: CredentialRecord): void {
    if (foreign && !state.foreignRecord) this.#parts.observer.foreignRecord?.(state.credential);
    state.setForeignRecord(foreign);
  }
}

/** The record's token, if it speaks for the account as it is configured. */
export function ownToken({ credential }: AccountState, record: CredentialRecord): Token | undefined {
  return record.identity === credential.identity ? record.token : undefined;
}

function unreadable({ credential, recordProblem }: AccountState): TokenwardError {
  return new TokenwardError('store_unavailable', { detail: `account ${credential.account}: ${recordProblem ?? ''}` });
}
