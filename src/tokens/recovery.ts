import type { AccountCache } from './account-cache.ts';
import type { AccountRecords } from './account-records.ts';
import type { LoginBudgets } from './budget.ts';
import type { Parts } from './options.ts';
import type { StoreAccess } from './store-access.ts';
import type { PendingWrites } from './pending-writes.ts';
import type { Work } from './work.ts';

/** A store that is back is given so long before anything is spent on what it says. ms. */
const STORE_SETTLES_MS = 1_000;

/** What recovery works on. */
interface Needs {
  readonly parts: Parts;
  readonly accounts: AccountCache;
  readonly work: Work;
  readonly store: StoreAccess;
  readonly records: AccountRecords;
  readonly budgets: LoginBudgets;
  readonly pendingWrites: PendingWrites;
}

/** After an outage of the store: sees to it that the store knows what we know. */
export class Recovery {
  readonly #needs: Needs;
  /** Under way: seeing to it that the store knows what we know. */
  #reconciling: Promise<void> | undefined;
  #reconcileAgain = false;
  #settled: Promise<void> = Promise.resolve();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** Resolves once a store that came back has had time to hear from everybody. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /**
   * The store is back, and may be another server by now that knows less: what we hold is written back. For a moment
   * nobody is called, because another process may hold what is newer still, and needs the time to write that back.
   */
  begin(): void {
    const { parts, work } = this.#needs;
    this.#settled = new Promise((resolve) => void parts.timers.after(STORE_SETTLES_MS, resolve, true));
    // One at a time: over many accounts it takes longer than the next news of the store.
    this.#reconcileAgain = this.#reconciling !== undefined;
    this.#reconciling ??= this.#reconcile().finally(() => {
      this.#reconciling = undefined;
      if (this.#reconcileAgain && !work.isClosing()) this.begin();
    });
  }

  /** Ends at the first sign that the store is away again: what is left then is done when it is back. */
  async #reconcile(): Promise<void> {
    const { accounts, work, store, records, budgets, pendingWrites } = this.#needs;
    // The counts of logins as well: an evicted or flushed count would let too many be made.
    await store.run('debit', () => budgets.writeBack()).catch(() => undefined);
    for (const state of accounts.all()) {
      if (!store.isUsable() || work.isClosing()) return;
      if (!state.loaded || state.token === undefined || state.credential.staticToken !== undefined) continue;
      try {
        if (state.pendingWrite !== undefined) {
          await pendingWrites.save(state);
          continue;
        }
        records.adopt(state, await records.writeBack(state, await records.read(state)));
      } catch {
        // The observer has heard of it; the next renewal looks again.
      }
    }
  }
}
