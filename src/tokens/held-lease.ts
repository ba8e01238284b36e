import { LEASE_TTL_MS, LEASE_WAIT_MS } from '../deadlines.ts';
import { systemTimers, type Clock, type Timers } from './clock.ts';
import type { TokenStore } from './store.ts';

/** Interval between requests for a lease that another process holds. ms. */
const LEASE_POLL_INTERVAL_MS = 100;

export interface HoldLeaseOptions {
  /** Names this process in the lease. */
  readonly owner: string;
  readonly clock: Clock;
  readonly timers?: Timers;
  /** How long to wait for the lease, ms. */
  readonly wait?: number;
}

/** A running process holds the account's lease and does not release it. Nothing was written. */
export class AccountBusyError extends Error {
  override readonly name = 'AccountBusyError';
}

/**
 * Runs a command's short work on an account's record while no running process renews the account: under its lease,
 * which is released afterwards. Rejects with an AccountBusyError if the lease does not become free, with a StoreError,
 * or with what the work rejects with.
 */
export async function holdingLease<T>(
  store: TokenStore,
  account: string,
  { owner, clock, timers = systemTimers, wait = LEASE_WAIT_MS }: HoldLeaseOptions,
  work: () => Promise<T>,
): Promise<T> {
  const until = clock.monotonic() + wait;
  while (!(await store.acquireLease(account, owner, LEASE_TTL_MS))) {
    if (clock.monotonic() >= until)
      throw new AccountBusyError(
        `A running tokenward is renewing ${account} and has not finished. Nothing was changed; try again in half a ` +
          'minute.',
      );
    await new Promise<void>((resolve) => void timers.after(LEASE_POLL_INTERVAL_MS, resolve));
  }
  try {
    return await work();
  } finally {
    await store.releaseLease(account, owner);
  }
}
