import type { CredentialStatus } from '../tokens/status.ts';
import type { StoreState } from '../tokens/store-health.ts';
import { VERSION } from '../version.ts';

/** One worker process as /status shows it. */
export interface WorkerStatus {
  readonly worker: number;
  readonly pid: number | undefined;
  /** silent: it does not answer. */
  readonly state: 'starting' | 'up' | 'silent' | 'leaving';
  /** Finished ones; undefined if it did not answer. */
  readonly requests: number | undefined;
}

/** What /status answers, and `tokenward status` reads. */
export interface StatusDocument {
  readonly version: string;
  readonly node: string;
  /** Wall clock, ms. */
  readonly now: number;
  readonly stopping: boolean;
  readonly store: StoreState;
  /** Missing where one process does everything. */
  readonly workers?: readonly WorkerStatus[];
  /** The accounts of the configuration, and of the others some hundred that are in use. */
  readonly accounts: readonly CredentialStatus[];
  /** How many accounts there are, and of how many some process holds the state in memory. */
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly routes: readonly RouteState[];
}

/** A route and what goes over it now. */
export interface RouteState {
  readonly prefix: string;
  readonly upstream: string;
  readonly account: string | undefined;
  readonly requests: number;
  readonly inFlight: number;
}

/** What one process knows of itself. Several of these can be merged into one. */
export interface ProcessState {
  readonly stopping: boolean;
  readonly store: StoreState;
  /** Of the accounts that were asked for, those that do not exist. */
  readonly unknown: readonly string[];
  readonly accounts: readonly CredentialStatus[];
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly routes: readonly RouteState[];
}

/** The document of what is known. `now`: wall clock, ms. */
export function statusOf(
  { stopping, store, accounts, accountCount, routes }: ProcessState,
  now: number,
): StatusDocument {
  return { version: VERSION, node: process.version, now, stopping, store, accounts, accountCount, routes };
}
