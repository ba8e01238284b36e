import { FINAL_SAVES_MS, LEASE_TTL_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import type { AccountState } from './account-state.ts';
import { sleep } from './clock.ts';
import type { Parts } from './options.ts';
import type { StoreAccess } from './store-access.ts';
import type { Token } from './token.ts';
import type { Work } from './work.ts';

/** A grant that could not be stored is tried again so often; more often when the process is to end. ms. */
const MAX_SAVE_PAUSE_MS = 2_000;
const CLOSING_SAVE_PAUSE_MS = 500;

/** Grants that the store would not take: each is the only copy of its token, and offered again until it is taken. */
export class PendingWrites {
  readonly #parts: Parts;
  readonly #work: Work;
  readonly #store: StoreAccess;

  constructor(parts: Parts, work: Work, store: StoreAccess) {
    this.#parts = parts;
    this.#work = work;
    this.#store = store;
  }

  /** Offers the account's grant until the store has it, or the process has to end. */
  keepSaving(state: AccountState): void {
    const { timers } = this.#parts;
    const work = (async () => {
      const deadline = { passed: false };
      let cancelDeadline: (() => void) | undefined;
      for (
        let pause = 200;
        state.pendingWrite !== undefined && !deadline.passed;
        pause = Math.min(MAX_SAVE_PAUSE_MS, pause * 2)
      ) {
        // By the clock, not by the number of tries: a store that hangs makes each of them last.
        if (this.#work.isClosing()) cancelDeadline ??= timers.after(FINAL_SAVES_MS, () => (deadline.passed = true));
        await sleep(timers, this.#work.isClosing() ? CLOSING_SAVE_PAUSE_MS : pause);
        await this.save(state).catch(() => undefined);
      }
      cancelDeadline?.();
    })();
    this.#work.track(state, work);
  }

  /** Offers the account's grant once; gives the token in use after it. Rejects if the store does not take it. */
  async save(state: AccountState): Promise<Token> {
    const { pendingWrite, credential } = state;
    const { account } = credential;
    const { records, store, owner, observer } = this.#parts;
    if (pendingWrite === undefined) return state.token!;
    const saved = await this.#store.run('write', async () => {
      const hasLease = await store.acquireLease(account, owner, LEASE_TTL_MS);
      const record = await records.read(account, credential.identity);
      if (record.generation >= pendingWrite.generation) return record;
      // Somebody has taken over from our intent: what he comes to is newer than what we have. If he has written nothing
      // yet, what we write now keeps him from spending the token that we have spent.
      if (!hasLease && record.revision !== pendingWrite.revision) return undefined;
      const { revision, key } = record;
      return records.replace(account, { ...pendingWrite, revision, ...(key !== undefined && { key }) });
    });
    if (saved === undefined) {
      const detail = `account ${account}: another process is renewing it`;
      throw new TokenwardError('token_unavailable', { detail, retryAfter: 1 });
    }
    state.pendingWriteDone();
    // While we could not write, somebody else has renewed: what is stored is the token of all, and ours is dropped.
    const isTheirs = saved.token !== undefined && saved.token.reveal() !== state.token?.reveal();
    if (isTheirs && saved.identity === credential.identity) {
      state.grant(saved.token);
      observer.changed(credential);
    }
    await store.releaseLease(account, owner).catch((error: unknown) => observer.storeFailed('lease', error));
    observer.changed(credential);
    return state.token!;
  }
}
