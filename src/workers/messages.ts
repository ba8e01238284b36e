import { deserialize, serialize } from 'node:v8';
import type { LoadedConfig } from '../config/load.ts';
import { TokenwardError, type ErrorCode } from '../errors.ts';
import type { PackedStates, StateOptions } from '../operator/local-view.ts';
import type { AccountStatus, ProcessRoute, ProcessState } from '../operator/status-document.ts';
import type { MetricsJson, RenewedToken } from '../operator/view.ts';
import type { RenewNowOptions } from '../tokens/manager.ts';
import type { InheritedSocket } from '../app/inherited-sockets.ts';
import type { ProxyAddress } from '../app/proxy-address.ts';

/* The messages between the primary process and its workers, on the channel of node:cluster, which sends JSON. */

/** The result of each kind of request from the primary to a worker. */
export interface WorkerResults {
  metrics: MetricsJson;
  state: ProcessState;
  /** All accounts in memory that are not `unused`. */
  index: PackedStates;
  statuses: readonly AccountStatus[];
  renew: RenewedToken | null;
}

export type WorkerRequest =
  | { readonly kind: 'metrics' }
  | { readonly kind: 'state'; readonly options: StateOptions }
  | { readonly kind: 'index' }
  | { readonly kind: 'statuses'; readonly names: readonly string[] }
  | { readonly kind: 'renew'; readonly account: string; readonly options: RenewNowOptions };

export type ToWorker =
  /**
   * The first message. The configuration comes from the primary, so that a new worker does not read a file that is
   * being edited. `umask`: for the files that the worker makes; the one it inherits from the primary is for sockets.
   */
  | {
      readonly type: 'start';
      readonly slot: number;
      readonly config: string;
      readonly viaName: string;
      readonly umask: number;
      /** Listening sockets of the primary. */
      readonly sockets: readonly InheritedSocket[];
      /** How long it may wait for Redis or a file. ms. */
      readonly waitMs: number;
    }
  | { readonly type: 'ask'; readonly id: number; readonly question: WorkerRequest }
  /** Another worker has written this account's record. */
  | { readonly type: 'changed'; readonly account: string }
  | { readonly type: 'stop'; readonly replaced: boolean };

export type ToPrimary =
  /** The worker receives messages. Earlier ones are lost. */
  | { readonly type: 'online' }
  | { readonly type: 'ready'; readonly addresses: readonly ProxyAddress[] }
  /** What the worker's start waits for; absent: nothing any more. */
  | { readonly type: 'waiting'; readonly reason?: string }
  /** The worker cannot start: a single process's message, and its exit code. */
  | { readonly type: 'failed'; readonly message: string; readonly exitCode: number }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | {
      readonly type: 'refusal';
      readonly id: number;
      readonly code: ErrorCode;
      readonly detail?: string;
      readonly retryAfter?: number;
    }
  | { readonly type: 'changed'; readonly account: string }
  /** The last message of a worker. */
  | { readonly type: 'final-metrics'; readonly metrics: MetricsJson; readonly routes: readonly ProcessRoute[] };

/** JSON cannot hold all of a configuration: maps, and undefined values. */
export function packConfig(config: LoadedConfig): string {
  return serialize(config).toString('base64');
}

export function unpackConfig(packed: string): LoadedConfig {
  return deserialize(Buffer.from(packed, 'base64')) as LoadedConfig;
}

/** An error as it is sent. Anything but a TokenwardError becomes `internal`, without details. */
export function packError(error: unknown): { code: ErrorCode; detail?: string; retryAfter?: number } {
  if (!(error instanceof TokenwardError)) return { code: 'internal' };
  const { code, detail, retryAfter } = error;
  return { code, ...(detail !== undefined && { detail }), ...(retryAfter !== undefined && { retryAfter }) };
}
