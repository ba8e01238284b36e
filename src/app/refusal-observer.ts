import type { ServerLimits } from '../http/server/limits.ts';
import type { AccessLog } from '../access-log.ts';
import type { Metrics } from '../metrics.ts';

/** Counts and logs what a server has refused before a request could be read. `accessLog`: the one in use. */
export function refusalObserver(
  metrics: Metrics,
  accessLog: () => AccessLog | undefined,
): NonNullable<ServerLimits['onRefused']> {
  return (error, requestId, { remoteAddress }) => {
    metrics.errors.inc({ route: 'unmatched', reason: error.code });
    const access = accessLog();
    if (access?.wants(true) !== true) return;
    access.write({
      at: Date.now(),
      requestId,
      traceId: undefined,
      method: undefined,
      path: undefined,
      query: undefined,
      status: error.status,
      client: remoteAddress,
      caller: undefined,
      route: undefined,
      account: undefined,
      errorCode: error.code,
      errorSource: 'client',
      generation: undefined,
      attempts: 0,
      durationMs: 0,
      tokenWaitMs: 0,
      upstreamMs: 0,
      ownMs: undefined,
      bytesIn: 0,
      bytesOut: 0,
      upstreamRequestId: undefined,
    });
  };
}
