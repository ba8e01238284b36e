import { randomBytes } from 'node:crypto';
import { systemTimers, type Clock, type Timers } from './clock.ts';
import type { TokenObserver } from './observer.ts';
import type { Records } from './records.ts';
import type { TokenStore } from './store.ts';

/**
 * The moments of a renewal at which a crash matters, for tests that crash there. P3 to P5 are outside the program: they
 * are about what has reached the endpoint and what it has sent.
 */
export type Checkpoint =
  | 'P0 before lease'
  | 'P1 lease taken'
  | 'P2 intent stored'
  | 'P6 answer read'
  | 'P7 token stored'
  | 'P8 token published'
  | 'P9 lease released';

/** What a manager needs. */
export interface ManagerOptions {
  readonly store: TokenStore;
  readonly records: Records;
  readonly clock: Clock;
  readonly observer: TokenObserver;
  /** Names this process in leases. */
  readonly owner?: string;
  /** Accounts in memory at once; others are read from the store when used. */
  readonly maxAccounts?: number;
  /** Requests that may wait for one account's token. */
  readonly maxWaiting?: number;
  readonly random?: () => number;
  readonly timers?: Timers;
  /** For tests only. */
  readonly checkpoint?: (point: Checkpoint) => void;
}

/** The options with their defaults. */
export type Parts = Required<Pick<ManagerOptions, 'random' | 'owner' | 'timers'>> &
  Omit<ManagerOptions, 'maxWaiting'> & { maxWaiting: number };

export function withDefaults(options: ManagerOptions): Parts {
  const owner = randomBytes(12).toString('hex');
  return { maxWaiting: 2_000, random: Math.random, timers: systemTimers, owner, ...options };
}
