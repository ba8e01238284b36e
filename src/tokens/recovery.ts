import type { AccountCache } from './account-cache.ts';
import type { AccountRecords } from './account-records.ts';
import type { LoginBudgets } from './budget.ts';
import type { Leases } from './lease.ts';
import type { Parts } from './options.ts';
import type { StoreAccess } from './store-access.ts';
import type { PendingWrites } from './pending-writes.ts';
import type { Work } from './work.ts';

/** How long after a store is back no renewal relies on its content. ms. */
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
  readonly leases: Leases;
}

/** After an outage of the store: writes back what is newer in memory. */
export class Recovery {
  readonly #needs: Needs;
  /** The write-back under way. */
  #reconciling: Promise<void> | undefined;
  #reconcileAgain = false;
  #settled: Promise<void> = Promise.resolve();

  constructor(needs: Needs) {
    this.#needs = needs;
  }

  /** Resolves once all processes have had time to write back to a store that came back. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /**
   * The store is back, and may be another server by now with older records: newer ones in memory are written back. No
   * token endpoint is called for a moment, because another process may have a still newer record to write back.
   */
  begin(): void {
    const { parts, work } = this.#needs;
    this.#settled = new Promise((resolve) => void parts.timers.after(STORE_SETTLES_MS, resolve, true));
    // One at a time: with many accounts it takes longer than the interval between two reconnections.
    this.#reconcileAgain = this.#reconciling !== undefined;
    this.#reconciling ??= this.#reconcile().finally(() => {
      this.#reconciling = undefined;
      if (this.#reconcileAgain && !work.isClosing()) this.begin();
    });
  }

  /** Ends as soon as the store fails again: the rest is done when it is back. */
  async #reconcile(): Promise<void> {
    const { accounts, work, store, records, budgets, pendingWrites, leases } = this.#needs;
    // The counts of logins as well: an evicted or flushed count would let too many be made.
    await store.run('debit', () => budgets.writeBack()).catch(() => undefined);
    for (const state of accounts.all()) {
      if (!store.isUsable() || work.isClosing()) return;
      if (state.token === undefined || state.credential.staticToken !== undefined) continue;
      try {
        if (state.pendingWrite !== undefined) {
          await pendingWrites.save(state);
          continue;
        }
        const record = await records.writeBack(state, await records.read(state));
        // A note may have been written although its reply was lost. That of a renewal under way is to stay.
        records.adopt(state, leases.isWanted(state) ? record : await records.takeBackNote(state, record));
      } catch {
        // The observer has been notified; the next renewal reads the record again.
      }
    }
  }
}
