import type { RequestBody } from '../http/message.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import type { OutboundResponse, InboundRequest } from '../http/server/exchange.ts';
import type { StallWatchdog } from '../http/stall-watchdog.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { TokenManager } from '../tokens/manager.ts';
import type { Callers } from './caller.ts';
import type { ConcurrencyLimiter, Slots } from './concurrency.ts';
import type { Outages } from './outages.ts';
import type { RenewalGuard } from './renewal-guard.ts';
import type { BufferBudget } from './buffer-budget.ts';
import type { Route } from './route.ts';
import type { SiteRules } from './site-rules.ts';

/** What the request path works with. */
export interface Proxy {
  readonly routes: readonly Route[];
  /** Undefined: everybody may call. */
  readonly callers: Callers | undefined;
  /** What the listener asks of every request. */
  readonly siteRules: SiteRules;
  /** How this process calls itself in Via. */
  readonly viaName: string;
  readonly tokens: TokenManager;
  readonly renewalGuard: RenewalGuard;
  readonly buffers: BufferBudget;
  readonly concurrency: ConcurrencyLimiter;
  /** How long a caller may stand still with his body. */
  readonly bodyWatchdog: StallWatchdog;
  /** How long a caller may stand still with reading his answer; 0: no limit. ms. */
  readonly readIdleMs: number;
  readonly outages: Outages;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** One request on its way, as far as the end of its connection has to know. */
export class RequestContext {
  readonly request: InboundRequest;
  readonly response: OutboundResponse;
  readonly target: string;
  readonly startedAt = performance.now();
  route: Route | undefined;
  body: RequestBody | undefined;
  upstreamResponse: UpstreamResponse | undefined;
  clientGone = false;
  /** The places it takes of what may be answered at once. */
  readonly heldSlots: Slots[] = [];
  finished = false;

  constructor(request: InboundRequest, response: OutboundResponse) {
    this.request = request;
    this.response = response;
    this.target = request.url ?? '';
  }

  get method(): string {
    return this.request.method ?? 'GET';
  }
}

/** A target's path, without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}
