import { deserialize, serialize } from 'node:v8';
import type { LoadedConfig } from '../config/load.ts';
import { TokenwardError, type ErrorCode } from '../errors.ts';
import type { ProcessState } from '../operator/status-document.ts';
import type { MetricsJson, RenewedToken } from '../operator/view.ts';
import type { RenewNowOptions } from '../tokens/manager.ts';
import type { ProxyAddress } from '../app/proxy-address.ts';

/*
 * What the primary process and its workers say to each other, over the channel that node:cluster opens between them.
 * Node sends JSON there.
 */

/** What the primary asks a worker, and what it gets. */
export interface WorkerResults {
  metrics: MetricsJson;
  state: ProcessState;
  renew: RenewedToken | null;
}

export type WorkerRequest =
  | { readonly kind: 'metrics' }
  /** `asked`: accounts that are to be among those shown. */
  | { readonly kind: 'state'; readonly counts: boolean; readonly asked: readonly string[] }
  | { readonly kind: 'renew'; readonly account: string; readonly options: RenewNowOptions };

export type ToWorker =
  /**
   * First of all. The configuration comes from the primary, so that a worker that replaces another one does not read a
   * file somebody is editing. `umask`: for the files it makes; the primary's, with which it begins, is one for sockets.
   */
  | {
      readonly type: 'start';
      readonly slot: number;
      readonly config: string;
      readonly viaName: string;
      readonly umask: number;
    }
  | { readonly type: 'ask'; readonly id: number; readonly question: WorkerRequest }
  /** Another worker has written this account's record. */
  | { readonly type: 'changed'; readonly account: string }
  | { readonly type: 'stop'; readonly replaced: boolean };

export type ToPrimary =
  /** It listens. What was sent to a process sooner is lost. */
  | { readonly type: 'online' }
  | { readonly type: 'ready'; readonly address: ProxyAddress }
  /** It cannot start: what a single process would say, and its exit code. */
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
  /** The last it says: what it has counted. */
  | { readonly type: 'final-metrics'; readonly metrics: MetricsJson };

/** A configuration holds what JSON does not: maps, and values that are not given. */
export function packConfig(config: LoadedConfig): string {
  return serialize(config).toString('base64');
}

export function unpackConfig(packed: string): LoadedConfig {
  return deserialize(Buffer.from(packed, 'base64')) as LoadedConfig;
}

/** An error as it travels. Anything but our own is `internal`, of which nothing is told. */
export function packError(error: unknown): { code: ErrorCode; detail?: string; retryAfter?: number } {
  if (!(error instanceof TokenwardError)) return { code: 'internal' };
  const { code, detail, retryAfter } = error;
  return { code, ...(detail !== undefined && { detail }), ...(retryAfter !== undefined && { retryAfter }) };
}
