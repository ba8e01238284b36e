import type { AccountStatusName, CredentialStatus } from '../tokens/status.ts';
import type { ConfigState } from './config-status.ts';
import type { StoreState } from '../tokens/store-health.ts';
import type { RefusedCall } from '../refused-calls.ts';
import type { Incident } from './incident.ts';
import type { CallerLately, CountedMinute, RouteMinute } from './minutes.ts';

/** One worker process in /status. */
export interface WorkerStatus {
  readonly worker: number;
  readonly pid: number | undefined;
  /** silent: it does not respond. */
  readonly state: 'starting' | 'up' | 'silent' | 'leaving';
  /** Finished requests; undefined if the worker did not respond. */
  readonly requests: number | undefined;
}

/** One request to a token endpoint that has ended. */
export interface RenewalNote {
  /** Its end, wall-clock ms. */
  readonly at: number;
  /** Why it was made; `by`: what triggered it, in words. */
  readonly cause: string;
  readonly by?: string;
  readonly kind: string;
  readonly outcome: string;
  /** Why it brought no token. */
  readonly reason?: string;
  readonly ms: number;
}

/** An account's status, with what this process remembers of it. */
export interface AccountStatus extends CredentialStatus {
  /** Since when it is in its present trouble, wall-clock ms. Absent: it is in none. */
  readonly since?: number;
  /** The last ones, oldest first. Absent: there was none. */
  readonly renewals?: readonly RenewalNote[];
}

/** What a process remembers of its accounts. */
export interface AccountHistoryView {
  /** Rises with every change of any account. */
  readonly revision: number;
  describe(status: CredentialStatus, renewals: boolean): AccountStatus;
}

/** A caller of the configuration and its requests. */
export interface CallerState {
  readonly name: string;
  readonly inFlight: number;
  readonly admitted: number;
  /** Refused because the caller had reached its limit. */
  readonly refused: number;
  /** The same within the last five minutes. */
  readonly lately: CallerLately;
}

/** How many accounts there are in each state. */
export type StateCounts = Readonly<Record<AccountStatusName, number>>;

/** What an operator can do at this port. */
export type OperatorAction = 'renew' | 'drain' | 'reload';

/** The response of /status, which `tokenward status` reads. */
export interface StatusDocument {
  readonly version: string;
  readonly node: string;
  /** Wall clock, ms. */
  readonly now: number;
  readonly stopping: boolean;
  /** How it goes, in one sentence. */
  readonly verdict: string;
  /** What is wrong, the worst first. */
  readonly incidents: readonly Incident[];
  readonly store: StoreState;
  /** Missing if it is not from a file. */
  readonly config?: ConfigState;
  /** Missing without worker processes. */
  readonly workers?: readonly WorkerStatus[];
  /** The declared accounts, and of the others a few hundred that are in use. */
  readonly accounts: readonly AccountStatus[];
  /** How many accounts there are, and how many are in the memory of a process. */
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly states: StateCounts;
  readonly routes: readonly RouteState[];
  readonly callers: readonly CallerState[];
  readonly actions: readonly OperatorAction[];
  /** Calls that were refused and could be allowed; the newest first. */
  readonly refused: readonly RefusedCall[];
}

/** An upstream that cannot be reached. Times are wall-clock ms. */
export interface OngoingOutage {
  readonly route: string;
  /** Host and port. */
  readonly upstream: string;
  readonly reason: string;
  readonly since: number;
  /** The last request that found no connection. */
  readonly failedAt: number;
}

/** A route and its load. */
export interface RouteState {
  /** The route's name: its prefix, or its host, or both. */
  readonly prefix: string;
  readonly upstream: string;
  readonly account: string | undefined;
  readonly requests: number;
  readonly inFlight: number;
  /** The last hour, oldest first; minutes without requests are left out. */
  readonly minutes: readonly RouteMinute[];
  /** Absent: the upstream can be reached. */
  readonly outage?: OngoingOutage;
}

/** A route as one process sees it. */
export interface ProcessRoute extends Omit<RouteState, 'minutes'> {
  readonly minutes: readonly CountedMinute[];
  /** The flow of its accounts, if the request chooses the account. */
  readonly flow?: string;
  /** The callers that may use it. */
  readonly callers: readonly string[];
}

/** The state of one process. Several of them can be merged into one. */
export interface ProcessState {
  readonly stopping: boolean;
  readonly store: StoreState;
  /** The requested accounts that do not exist. */
  readonly unknown: readonly string[];
  readonly accounts: readonly AccountStatus[];
  readonly accountCount: { readonly known: number; readonly inMemory: number };
  readonly routes: readonly ProcessRoute[];
  readonly callers: readonly CallerState[];
  /** Calls that were refused and could be allowed; the newest first. */
  readonly refused: readonly RefusedCall[];
  /** Rises with every change of an account. */
  readonly revision: number;
  readonly config?: ConfigState;
}
