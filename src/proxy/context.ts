import type { AccessLog } from '../access-log.ts';
import type { ErrorCode } from '../errors.ts';
import type { RequestBody } from '../http/message.ts';
import { REQUEST_ID, requestIdOf } from '../http/request-id.ts';
import { parseTraceParent, TRACE_PARENT } from '../http/trace-context.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import type { OutboundResponse, InboundRequest } from '../http/server/exchange.ts';
import type { StallWatchdog } from '../http/stall-watchdog.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { ParentSpan, RequestTrace, Tracing } from '../request-trace.ts';
import type { RefusedCalls } from '../refused-calls.ts';
import type { Clock } from '../tokens/clock.ts';
import type { Attachment } from '../flows/attach.ts';
import type { RequestTokens } from '../tokens/configured-tokens.ts';
import type { RouteTable } from './route-table.ts';
import type { Callers } from './caller.ts';
import type { ConcurrencyLimiter, Slots } from './concurrency.ts';
import type { Asked } from './forwarded.ts';
import type { Outages } from './outages.ts';
import type { RenewalGuard } from './renewal-guard.ts';
import type { BufferBudget } from './buffer-budget.ts';
import type { Route } from './route.ts';
import type { Handshake, Upgrades } from './upgrades.ts';
import type { SiteRules } from './site-rules.ts';

/** What the request path needs. */
export interface Proxy {
  readonly routes: RouteTable;
  /** Undefined: callers are not authenticated. */
  readonly callers: Callers | undefined;
  /** What the listener requires of every request. */
  readonly siteRules: SiteRules;
  /** This process's name in Via. */
  readonly viaName: string;
  readonly tokens: RequestTokens;
  readonly clock: Clock;
  readonly renewalGuard: RenewalGuard;
  readonly buffers: BufferBudget;
  readonly concurrency: ConcurrencyLimiter;
  /** Limits how long a client may stall while it sends its body. */
  readonly bodyWatchdog: StallWatchdog;
  /** How long a client may stall while it reads the response; 0: no limit. ms. */
  readonly readIdleMs: number;
  readonly outages: Outages;
  readonly upgrades: Upgrades;
  readonly refusedCalls: RefusedCalls;
  readonly metrics: Metrics;
  /** Undefined: no request has a line. */
  readonly access: AccessLog | undefined;
  /** Undefined: no request has spans. */
  readonly tracing: Tracing | undefined;
  /** Whether the configuration holds this text as a secret, for spans; of the access log, it is the log's own. */
  readonly isSecret: (text: string) => boolean;
  readonly log: Logger;
}

/** One request in flight, with what `finish` needs when its connection ends. */
export class RequestContext {
  readonly request: InboundRequest;
  readonly response: OutboundResponse;
  readonly target: string;
  readonly asked: Asked;
  /** The client's own id, or a new one. */
  readonly id: string;
  readonly startedAt = performance.now();
  /** Its spans. Undefined: tracing is not configured. */
  trace: RequestTrace | undefined;
  /** How often it was sent upstream: again after a renewal, a challenge, or a connection that broke. */
  attempts = 0;
  /** When the attempt under way began, by performance.now(); 0: none is. */
  attemptAt = 0;
  /** Waiting for a token, for the request's body, and for the upstream in attempts that are over. ms. */
  tokenWaitMs = 0;
  bodyWaitMs = 0;
  upstreamMs = 0;
  /** Of the time until the response began, what is left. ms; undefined: it has not begun. */
  ownMs: number | undefined;
  route: Route | undefined;
  /** The configured name of the client. */
  caller: string | undefined;
  account: string | undefined;
  /** Of the token that was sent last. */
  generation: number | undefined;
  /** Of the body of a response of tokenward's own. */
  ownBytes = 0;
  /** Of tokenward's own error response. */
  errorCode: ErrorCode | undefined;
  /** What the token has added to the request that was sent last, and where that went. */
  attachment: Attachment | undefined;
  place: Route | undefined;
  body: RequestBody | undefined;
  upstreamResponse: UpstreamResponse | undefined;
  /** Set if it asks for another protocol, once its route allows that. */
  handshake: Handshake | undefined;
  clientGone = false;
  /** Slots that it holds of the concurrency limits. */
  readonly heldSlots: Slots[] = [];
  finished = false;

  constructor(request: InboundRequest, response: OutboundResponse, asked: Asked) {
    this.request = request;
    this.response = response;
    this.asked = asked;
    this.target = request.url ?? '';
    this.id = requestIdOf(request.field(REQUEST_ID));
  }

  /** Of its own trace, or else of the one that the client's `traceparent` names; undefined: there is none. */
  get traceId(): string | undefined {
    return this.trace?.traceId ?? parseTraceParent(this.request.field(TRACE_PARENT))?.traceId;
  }

  /** Its span, for those that link to it. Undefined: it has none. */
  get span(): ParentSpan | undefined {
    return this.trace;
  }

  get method(): string {
    return this.request.method ?? 'GET';
  }
}

/** A target's path, without the query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? target : target.slice(0, mark);
}
