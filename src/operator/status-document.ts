import type { CredentialStatus } from '../tokens/status.ts';
import type { StoreState } from '../tokens/store-health.ts';
import type { RefusedCall } from '../refused-calls.ts';
import { VERSION } from '../version.ts';

/** One worker process in /status. */
export interface WorkerStatus {
  readonly worker: number;
  readonly pid: number | undefined;
  /** silent: it does not respond. */
  readonly state: 'starting' | 'up' | 'silent' | 'leaving';
  /** Finished requests; undefined if the worker did not respond. */
  readonly requests: number | undefined;
}

/** The response of /status, which `tokenward status` reads. */
export interface StatusDocument {
  readonly version: string;
  readonly node: string;
  /** Wall clock, ms. */
  readonly now: number;
  readonly stopping: boolean;
  readonly store: StoreState;
  /** Missing without worker processes. */
  readonly workers?: readonly WorkerStatus[];
  /** The declared accounts, and of the others a few hundred that are in use. */
  readonly accounts: readonly CredentialStatus[];
  /** How many accounts there are, and how many are in the memory of a process. */
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly routes: readonly RouteState[];
  /** Calls that were refused and could be allowed; the newest first. */
  readonly refused: readonly RefusedCall[];
}

/** A route and its present load. */
export interface RouteState {
  /** The route's name: its prefix, or its host, or both. */
  readonly prefix: string;
  readonly upstream: string;
  readonly account: string | undefined;
  readonly requests: number;
  readonly inFlight: number;
}

/** The state of one process. Several of them can be merged into one. */
export interface ProcessState {
  readonly stopping: boolean;
  readonly store: StoreState;
  /** The requested accounts that do not exist. */
  readonly unknown: readonly string[];
  readonly accounts: readonly CredentialStatus[];
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly routes: readonly RouteState[];
  /** Calls that were refused and could be allowed; the newest first. */
  readonly refused: readonly RefusedCall[];
}

/** The document of a state. `now`: wall clock, ms. */
export function statusOf(
  { stopping, store, accounts, accountCount, routes, refused }: ProcessState,
  now: number,
): StatusDocument {
  return { version: VERSION, node: process.version, now, stopping, store, accounts, accountCount, routes, refused };
}
