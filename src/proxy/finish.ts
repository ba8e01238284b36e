import type { ErrorSource } from '../access-log.ts';
import { TokenwardError } from '../errors.ts';
import { isUnreachable, reasonOf } from '../http/client/reason.ts';
import { ClientDisconnected, releaseBody } from '../http/message.ts';
import { describeFault } from '../log.ts';
import { logAccess } from './access.ts';
import type { Proxy, RequestContext } from './context.ts';
import { hostPortOf } from './outages.ts';
import { respondWithError, discardRemainingBody } from './respond.ts';
import type { Route } from './route.ts';
import { endTrace } from './trace.ts';
import { countTimes, endAttempt, responseBegins } from './timing.ts';

/** Called when the response is complete or its connection has closed. */
export function finish(proxy: Proxy, ctx: RequestContext): void {
  if (ctx.finished) return;
  ctx.finished = true;
  const { response, route, upstreamResponse, body } = ctx;
  let brokenOff: ErrorSource | undefined;
  if (!response.writableFinished) {
    brokenOff = upstreamResponse?.brokeOff === true ? 'upstream' : 'client';
    ctx.clientGone = true;
    upstreamResponse?.cancel();
  } else {
    discardRemainingBody(ctx.request);
  }
  if (body !== undefined) releaseBody(body);
  proxy.concurrency.leave(ctx.heldSlots);
  const stats = route === undefined ? proxy.metrics.route('unmatched') : route.stats;
  // 499: the client disconnected before there was a response.
  const now = performance.now();
  const status = response.headersSent ? response.statusCode : 499;
  const durationMs = now - ctx.startedAt;
  const bucket = stats.countFinished(status, durationMs / 1000);
  const healed = ctx.attempts > 1;
  if (stats.duration.wantsExemplar(bucket, healed, now))
    stats.duration.exemplars[bucket] = {
      requestId: ctx.id,
      // A trace that is not recorded cannot be opened.
      traceId: ctx.trace?.sampled === false ? undefined : ctx.traceId,
      seconds: durationMs / 1000,
      healed,
      keptAt: now,
      at: Date.now(),
    };
  countTimes(ctx, stats, now);
  if (proxy.access !== undefined) logAccess(proxy.access, ctx, status, brokenOff, durationMs);
  if (ctx.trace !== undefined) endTrace(ctx.trace, ctx, proxy.isSecret, status, brokenOff, now);
}

/** Sends the response to a request for which a step has thrown. */
export function fail(proxy: Proxy, ctx: RequestContext, error: unknown): void {
  const { request, response, route, upstreamResponse } = ctx;
  if (error instanceof TokenwardError) ctx.trace?.attemptFailed(error.code);
  endAttempt(ctx);
  upstreamResponse?.cancel();
  // Whatever of it still arrives is dropped.
  if (ctx.body !== undefined) releaseBody(ctx.body);
  if (error instanceof ClientDisconnected || ctx.clientGone) {
    response.destroy();
    return;
  }
  let problem: TokenwardError;
  if (error instanceof TokenwardError) {
    // Of one that is not allowed nothing was asked.
    const isOfUpstream = error.code.startsWith('upstream_') && error.code !== 'upstream_not_allowed';
    problem = route !== undefined && isOfUpstream ? withUpstreamReason(proxy, route, error) : error;
  } else {
    proxy.log.error('unexpected fault while handling a request', {
      ...(route && { route: route.name }),
      request_id: ctx.id,
      detail: describeFault(error),
    });
    problem = new TokenwardError('internal');
  }
  ctx.errorCode = problem.code;
  proxy.metrics.errors.inc({ route: route?.name ?? 'unmatched', reason: problem.code });
  (route?.stats ?? proxy.metrics.route('unmatched')).countError(problem.code);
  proxy.log.debug('error response generated', {
    ...(route && { route: route.name }),
    request_id: ctx.id,
    code: problem.code,
    ...(problem.detail !== undefined && { detail: problem.detail }),
  });
  responseBegins(ctx);
  respondWithError(request, response, problem, proxy.readIdleMs, ctx);
  // The response is written. While the rest of the body is only read and dropped, it takes no slot from others.
  proxy.concurrency.leave(ctx.heldSlots);
}

/** The upstream's error, with its route, address and reason. */
function withUpstreamReason({ outages }: Proxy, route: Route, error: TokenwardError): TokenwardError {
  const upstream = hostPortOf(route.origin);
  const reason = reasonOf(error, route.config.timeouts);
  if (isUnreachable(error)) outages.failed(route.name, upstream, reason);
  return new TokenwardError(error.code, {
    detail: `route ${route.name}, upstream ${upstream}: ${reason}`,
    cause: error,
  });
}
