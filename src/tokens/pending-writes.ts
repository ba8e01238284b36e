import { FINAL_SAVES_MS, LEASE_TTL_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import { ownToken } from './account-records.ts';
import type { AccountState } from './account-state.ts';
import { sleep } from './clock.ts';
import type { Leases } from './lease.ts';
import type { Parts } from './options.ts';
import type { StoreAccess } from './store-access.ts';
import { RecordError } from './store.ts';
import type { Token } from './token.ts';
import type { Work } from './work.ts';

/** Longest pause between tries to store a grant. ms. */
const MAX_SAVE_PAUSE_MS = 2_000;
/** The same beside a record that does not open: a person must mend or remove it first. ms. */
const MAX_MENDING_PAUSE_MS = 30_000;
/** The pause while the process is ending. ms. */
const CLOSING_SAVE_PAUSE_MS = 500;

/** Grants that could not be stored: each is the only copy of its token, so the write is tried until it succeeds. */
export class PendingWrites {
  readonly #parts: Parts;
  readonly #work: Work;
  readonly #store: StoreAccess;
  readonly #leases: Leases;

  constructor(parts: Parts, work: Work, store: StoreAccess, leases: Leases) {
    this.#parts = parts;
    this.#work = work;
    this.#store = store;
    this.#leases = leases;
  }

  /** Tries to store the account's grant until the store has it, or the process must end. */
  keepSaving(state: AccountState): void {
    const { timers } = this.#parts;
    const work = (async () => {
      const deadline = { passed: false };
      let cancelDeadline: (() => void) | undefined;
      let longest = MAX_SAVE_PAUSE_MS;
      for (
        let pause = 200;
        state.pendingWrite !== undefined && !deadline.passed;
        pause = Math.min(longest, pause * 2)
      ) {
        // By the clock, not by the number of tries: with a store that hangs each of them is long.
        if (this.#work.isClosing()) cancelDeadline ??= timers.after(FINAL_SAVES_MS, () => (deadline.passed = true));
        await this.#pause(this.#work.isClosing() ? CLOSING_SAVE_PAUSE_MS : pause);
        await this.#write(state).catch((error: unknown) => {
          longest = error instanceof RecordError ? MAX_MENDING_PAUSE_MS : MAX_SAVE_PAUSE_MS;
        });
      }
      cancelDeadline?.();
    })();
    this.#work.track(state, work);
  }

  /** Ends early once the process is ending: the tries that are left then are few. */
  async #pause(ms: number): Promise<void> {
    const { timers } = this.#parts;
    const wasClosing = this.#work.isClosing();
    for (let left = ms; left > 0 && this.#work.isClosing() === wasClosing; left -= MAX_SAVE_PAUSE_MS)
      await sleep(timers, Math.min(left, MAX_SAVE_PAUSE_MS));
  }

  /** Tries once to store the account's grant. Returns the token in use after it. Rejects if the write fails. */
  async save(state: AccountState): Promise<Token> {
    return this.#write(state).catch((error: unknown) => {
      // A record that does not open is this account's problem alone, until an operator mends or removes it.
      if (!(error instanceof RecordError)) throw error;
      throw new TokenwardError('store_unavailable', {
        detail: `account ${state.credential.account}: ${error.message}`,
      });
    });
  }

  async #write(state: AccountState): Promise<Token> {
    const { pendingWrite, credential } = state;
    const { account } = credential;
    const { records, store, owner, observer } = this.#parts;
    if (pendingWrite === undefined) return state.token!;
    const saved = await this.#store.run('write', async () => {
      const hasLease = await store.acquireLease(account, owner, LEASE_TTL_MS);
      const record = await records.read(account, credential.identity);
      if (record.generation >= pendingWrite.generation) return record;
      // Another process has taken over from our spend note: its result is newer than this grant. If it has written
      // nothing yet, this write keeps it from spending the token that is spent already.
      if (!hasLease && record.revision !== pendingWrite.revision) return undefined;
      // What a newer version has written there since stays.
      const { revision, key, unknown } = record;
      const present = { revision, ...(key !== undefined && { key }), ...(unknown !== undefined && { unknown }) };
      return records.replace(account, { ...pendingWrite, ...present });
    });
    if (saved === undefined) {
      const detail = `account ${account}: another process is renewing it`;
      throw new TokenwardError('token_unavailable', { detail, retryAfter: 1 });
    }
    if (state.pendingWrite !== pendingWrite) {
      // The reply was late: a later renewal has ended meanwhile, and may have a grant of its own that is to be stored.
      if (state.pendingWrite === undefined) this.#leases.giveUp(state);
      return state.token!;
    }
    state.pendingWriteDone();
    // Another process has renewed in the meantime: the stored token counts for all processes, and ours is dropped.
    const stored = ownToken(state, saved);
    const inUse = state.token!;
    const isOther = stored !== undefined && stored.reveal() !== inUse.reveal();
    if (isOther && stored.generation >= inUse.generation) state.grant(stored);
    this.#leases.giveUp(state);
    observer.changed(credential);
    return state.token!;
  }
}
