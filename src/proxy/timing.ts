import type { RouteStats } from '../route-stats.ts';
import type { RequestContext } from './context.ts';
import { endTracedAttempt } from './trace.ts';

/*
 * Where a request's time goes. An attempt is the upstream's from the moment it is handed to its connections (so a wait
 * for one counts) to the end of the response's body. A client that sends or reads slowly while a body is streamed holds
 * the upstream up, and that cannot be told apart.
 */

/** The request is handed to the upstream's connections. */
export function beginAttempt(ctx: RequestContext): void {
  const now = performance.now();
  endAttempt(ctx, now);
  ctx.attemptAt = now;
}

/** The attempt under way, if there is one, is over: its response is complete, or of no further use. */
export function endAttempt(ctx: RequestContext, now = performance.now()): void {
  const ms = attemptMs(ctx, now);
  ctx.upstreamMs += ms;
  if (ctx.trace !== undefined && ctx.attemptAt !== 0) endTracedAttempt(ctx.trace, ctx, ctx.attemptAt + ms);
  ctx.attemptAt = 0;
}

/** The response to the client begins: what is not accounted for by now was tokenward's own time. */
export function responseBegins(ctx: RequestContext): void {
  const now = performance.now();
  const waited = ctx.tokenWaitMs + ctx.bodyWaitMs + ctx.upstreamMs + attemptMs(ctx, now);
  ctx.ownMs = Math.max(0, now - ctx.startedAt - waited);
}

/** Waits for a token on the request's behalf. */
export async function waitForToken<T>(ctx: RequestContext, token: Promise<T>): Promise<T> {
  const from = performance.now();
  const traced = ctx.trace?.waitForToken(ctx.account, from);
  let failed = true;
  try {
    const obtained = await token;
    failed = false;
    return obtained;
  } finally {
    const now = performance.now();
    ctx.tokenWaitMs += now - from;
    traced?.end(now, failed);
  }
}

/** Waits for the request's body. */
export async function waitForBody<T>(ctx: RequestContext, body: Promise<T>): Promise<T> {
  const from = performance.now();
  try {
    return await body;
  } finally {
    ctx.bodyWaitMs += performance.now() - from;
  }
}

/** Counts the parts of a finished request's time. `now`: by performance.now(). */
export function countTimes(ctx: RequestContext, stats: RouteStats, now: number): void {
  const firstByteMs = firstByteOf(ctx);
  endAttempt(ctx, now);
  if (ctx.attempts > 0) stats.upstream.add(ctx.upstreamMs / 1000);
  if (firstByteMs !== undefined) stats.firstByte.add(firstByteMs / 1000);
  if (ctx.ownMs !== undefined) stats.overhead.add(ctx.ownMs / 1000);
}

/** From the beginning of the last attempt to the header section of its response. Undefined: there was none. ms. */
function firstByteOf({ attemptAt, upstreamResponse }: RequestContext): number | undefined {
  if (attemptAt === 0 || upstreamResponse === undefined) return undefined;
  return upstreamResponse.headAt >= attemptAt ? upstreamResponse.headAt - attemptAt : undefined;
}

function attemptMs({ attemptAt, upstreamResponse }: RequestContext, now: number): number {
  if (attemptAt === 0) return 0;
  const endedAt = upstreamResponse?.endedAt ?? 0;
  return (endedAt >= attemptAt ? endedAt : now) - attemptAt;
}
