import type { ErrorSource } from '../access-log.ts';
import type { UpstreamRequest } from '../http/client/request.ts';
import { parseTraceParent, TRACE_PARENT, TRACE_STATE } from '../http/trace-context.ts';
import type { InboundRequest } from '../http/server/exchange.ts';
import type { RequestTrace, Tracing } from '../request-trace.ts';
import { errorSourceOf } from './access.ts';
import { pathOf, type RequestContext } from './context.ts';
import type { Route } from './route.ts';
import { presentedSecrets } from './presented-secrets.ts';
import { shownPath } from './shown-target.ts';

/*
 * The spans of a request, where tracing is configured. A route's own filter drops the client's fields then, and every
 * attempt gets those of its own span.
 */

/** Begins the request's span: below the caller's, if there is one. */
export function beginTrace(tracing: Tracing, request: InboundRequest, startedAt: number): RequestTrace {
  const parent = parseTraceParent(request.field(TRACE_PARENT));
  const state = parent && request.field(TRACE_STATE);
  return tracing.begin(parent, typeof state === 'string' && state !== '' ? state : undefined, startedAt);
}

/** Begins the span of an attempt. Returns the request with the fields by which the upstream's spans come below it. */
export function traceAttempt(
  trace: RequestTrace,
  { attemptAt, method, generation }: RequestContext,
  { origin }: Route,
  request: UpstreamRequest,
): UpstreamRequest {
  const headers = [...request.headers, TRACE_PARENT, trace.beginAttempt({ at: attemptAt, method, origin, generation })];
  if (trace.state !== undefined) headers.push(TRACE_STATE, trace.state);
  return { ...request, headers };
}

/** Ends the span of the attempt under way. `at`: when it ended. */
export function endTracedAttempt(trace: RequestTrace, ctx: RequestContext, at: number): void {
  const { upstreamResponse, attemptAt, attempts } = ctx;
  const responded = upstreamResponse !== undefined && upstreamResponse.headAt >= attemptAt;
  trace.endAttempt(at, responded ? upstreamResponse.status : undefined, Math.max(0, attempts - 1));
}

/**
 * Ends the request's span, which says what its access line says. `isSecret`: whether the configuration holds a text as
 * a secret.
 */
export function endTrace(
  trace: RequestTrace,
  ctx: RequestContext,
  isSecret: (text: string) => boolean,
  status: number,
  brokenOff: ErrorSource | undefined,
  endedAt: number,
): void {
  if (!trace.sampled) return;
  const { request, errorCode, attachment } = ctx;
  const carried = [...(attachment?.secrets ?? []), ...presentedSecrets(request)];
  const host = request.field('host');
  trace.end({
    endedAt,
    requestId: ctx.id,
    method: ctx.method,
    path: shownPath(pathOf(ctx.target), { carried, isConfigured: isSecret }),
    scheme: 'encrypted' in request.socket ? 'https' : 'http',
    host: typeof host === 'string' ? host : '',
    client: request.socket.remoteAddress,
    status,
    errorCode,
    errorSource: brokenOff ?? errorSourceOf(errorCode, status),
    route: ctx.route?.name,
    account: ctx.account,
    caller: ctx.caller,
    generation: ctx.generation,
    attempts: ctx.attempts,
    ownMs: ctx.ownMs,
  });
}
