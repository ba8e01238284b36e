import type { AccessLog, ErrorSource } from '../access-log.ts';
import { isRequestId, REQUEST_ID } from '../http/request-id.ts';
import { presentedSecrets } from './presented-secrets.ts';
import { pathOf, type RequestContext } from './context.ts';
import { shownPath, shownQuery } from './shown-target.ts';

/**
 * Writes the line of a finished request, if it has one. `brokenOff`: the response was cut, by whom. `durationMs`: from
 * the header section to the end of the response.
 */
export function logAccess(
  log: AccessLog,
  ctx: RequestContext,
  status: number,
  brokenOff: ErrorSource | undefined,
  durationMs: number,
): void {
  const { errorCode, attempts, upstreamResponse, response } = ctx;
  const failed = errorCode !== undefined || brokenOff !== undefined || status >= 500 || attempts > 1;
  if (!log.wants(failed)) return;
  const carried = [...(ctx.attachment?.secrets ?? []), ...presentedSecrets(ctx.request)];
  const secrets = { carried, isConfigured: log.isSecret };
  const relayed = errorCode === undefined && response.headersSent;
  log.write({
    at: Date.now(),
    requestId: ctx.id,
    traceId: ctx.traceId,
    client: ctx.request.socket.remoteAddress,
    caller: ctx.caller,
    route: ctx.route?.name,
    account: ctx.account,
    method: ctx.method,
    path: shownPath(pathOf(ctx.target), secrets),
    query: log.withQuery ? shownQuery(ctx.target, secrets) : undefined,
    status,
    errorCode,
    errorSource: brokenOff ?? errorSourceOf(errorCode, status),
    generation: ctx.generation,
    attempts,
    durationMs,
    tokenWaitMs: ctx.tokenWaitMs,
    upstreamMs: ctx.upstreamMs,
    ownMs: ctx.ownMs,
    bytesIn: bytesIn(ctx),
    bytesOut: ctx.ownBytes > 0 ? ctx.ownBytes : relayed ? (upstreamResponse?.bodyBytes ?? 0) : 0,
    upstreamRequestId: relayed ? upstreamId(ctx, carried) : undefined,
  });
}

/** Whose fault an error of tokenward's own is, or a status of the upstream. */
export function errorSourceOf(errorCode: string | undefined, status: number): ErrorSource | undefined {
  if (status < 400) return undefined;
  if (errorCode === undefined) return status >= 500 ? 'upstream' : 'client';
  if (errorCode.startsWith('upstream_') && errorCode !== 'upstream_not_allowed') return 'upstream';
  return status < 500 ? 'client' : 'tokenward';
}

function bytesIn({ request }: RequestContext): number {
  const source = request.bodySource;
  if (source === 'none') return 0;
  return Buffer.isBuffer(source) ? source.length : source.receivedBytes;
}

function upstreamId({ upstreamResponse, id }: RequestContext, secrets: readonly string[]): string | undefined {
  const sent = upstreamResponse?.header(REQUEST_ID);
  return sent !== id && isRequestId(sent) && !secrets.some((secret) => sent.includes(secret)) ? sent : undefined;
}
