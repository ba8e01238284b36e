import { LEASE_TTL_MS } from '../deadlines.ts';
import type { AccountState } from './account-state.ts';
import type { Parts } from './options.ts';
import type { Work } from './work.ts';

/** The right to renew an account, which one process has at a time. */
export class Leases {
  readonly #parts: Parts;
  readonly #work: Work;

  constructor(parts: Parts, work: Work) {
    this.#parts = parts;
    this.#work = work;
  }

  /** Acquires or prolongs the lease, in one try. Rejects with a StoreError. */
  async take(state: AccountState): Promise<boolean> {
    const { store, owner, clock } = this.#parts;
    const requestedAt = clock.monotonic();
    const granted = await store.acquireLease(state.credential.account, owner, LEASE_TTL_MS);
    state.setLeasedAt(granted ? requestedAt : undefined);
    return granted;
  }

  /** Prolongs the lease until the returned function is called. */
  prolong(state: AccountState): () => void {
    const { observer, timers } = this.#parts;
    let stop!: () => void;
    const schedule = (): void => {
      stop = timers.after(LEASE_TTL_MS / 3, () => {
        this.take(state).catch((error: unknown) => observer.storeFailed('lease', error));
        schedule();
      });
    };
    schedule();
    return () => stop();
  }

  /** Releases the lease in the background: waiting requests have their token already. The next renewal waits for it. */
  release(state: AccountState): void {
    const { store, owner, observer, checkpoint } = this.#parts;
    checkpoint?.('P8 token published');
    const release = store
      .releaseLease(state.credential.account, owner)
      .catch((error: unknown) => observer.storeFailed('lease', error))
      .finally(() => {
        checkpoint?.('P9 lease released');
        state.leaseReleased(release);
      });
    state.leaseReleaseStarted(release);
    this.#work.track(state, release);
  }
}
