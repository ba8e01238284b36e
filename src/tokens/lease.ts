import { LEASE_TTL_MS } from '../deadlines.ts';
import type { AccountState } from './account-state.ts';
import type { Parts } from './options.ts';
import type { Work } from './work.ts';

/** The right to renew an account, which one process has at a time. */
export class Leases {
  readonly #parts: Parts;
  readonly #work: Work;
  /** How many renewals of this process want an account's lease, or work under it. */
  readonly #users = new WeakMap<AccountState, number>();

  constructor(parts: Parts, work: Work) {
    this.#parts = parts;
    this.#work = work;
  }

  /** Acquires or prolongs the lease, in one try. Rejects with a StoreError. */
  async take(state: AccountState): Promise<boolean> {
    const { store, owner, clock } = this.#parts;
    const requestedAt = { wall: clock.wall(), monotonic: clock.monotonic() };
    const granted = await store.acquireLease(state.credential.account, owner, LEASE_TTL_MS);
    state.setLeasedAt(granted ? requestedAt : undefined);
    return granted;
  }

  /** A renewal is about to ask for the lease: nobody else in this process releases it before `leave`. */
  enter(state: AccountState): void {
    this.#users.set(state, (this.#users.get(state) ?? 0) + 1);
  }

  /**
   * The renewal has ended. `hadLease`: it has acquired the lease. The last renewal of this process releases it: a
   * second one may begin while no request waits any more for a first that takes long. With a pending write the lease is
   * kept: only this process knows that the stored refresh token is spent.
   */
  leave(state: AccountState, hadLease: boolean): void {
    const left = this.#users.get(state)! - 1;
    this.#users.set(state, left);
    if (left === 0 && hadLease && state.pendingWrite === undefined) this.#release(state);
  }

  /** The lease was acquired outside a renewal. A renewal that has begun since works under it, and releases it. */
  giveUp(state: AccountState): void {
    if (!this.isWanted(state)) this.#release(state);
  }

  /** Whether a renewal of this process wants the lease, or works under it. */
  isWanted(state: AccountState): boolean {
    return (this.#users.get(state) ?? 0) > 0;
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

  /**
   * Releases the lease in the background: waiting requests have their token already. The next renewal waits for it, and
   * for one that is under way: a release that the store carries out late would take the lease from that renewal.
   */
  #release(state: AccountState): void {
    const { store, owner, observer, checkpoint } = this.#parts;
    checkpoint?.('P8 token published');
    const release = (state.leaseRelease ?? Promise.resolve())
      .then(() => store.releaseLease(state.credential.account, owner))
      .catch((error: unknown) => observer.storeFailed('lease', error))
      .finally(() => {
        checkpoint?.('P9 lease released');
        state.leaseReleased(release);
      });
    state.leaseReleaseStarted(release);
    this.#work.track(state, release);
  }
}
