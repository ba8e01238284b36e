import type { Registry } from 'prom-client';
import type { RenewNowOptions } from '../tokens/manager.ts';
import type { AccountPage, AccountQuery } from './account-list.ts';
import type { Readiness, ReadinessQuery } from './readiness.ts';
import type { StatusDocument } from './status-document.ts';

/** A token in the response to a renewal by hand. */
export interface RenewedToken {
  readonly generation: number;
  readonly expiresAt: number | undefined;
}

/** The status without its accounts, which are listed page by page. */
export interface Overview extends StatusDocument {
  /** Rises with every change of an account: a list of accounts is out of date then. */
  readonly revision: number;
  /** How many routes there are; the busiest are listed. */
  readonly routeCount: number;
}

/** What the operator port shows and does, for one process or several. */
export interface OperatorView {
  /** Undefined: one of the requested accounts does not exist. */
  readiness(query: ReadinessQuery): Promise<Readiness | undefined>;
  /** `open`: as OpenMetrics, with exemplars. */
  metrics(open: boolean): Promise<{ readonly contentType: string; readonly text: string }>;
  status(): Promise<StatusDocument>;
  overview(): Promise<Overview>;
  accounts(query: AccountQuery): Promise<AccountPage>;
  /** Undefined: there is no such account. Rejects with a TokenwardError if the renewal brings no token. */
  renew(account: string, options: RenewNowOptions): Promise<RenewedToken | undefined>;
  /** The names of the shown accounts, for the response to an unknown one. */
  accountNames(): Promise<readonly string[]>;
  /** Begins an orderly stop of the whole program. Absent: what runs it cannot be stopped from here. */
  readonly drain?: (() => void) | undefined;
}

/** All metrics of one process in prom-client's JSON form, which can be sent and summed. */
export type MetricsJson = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;
