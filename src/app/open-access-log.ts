import { jsonAccessLine } from '../access-line.ts';
import { AccessLog, type DropReason, type AccessOutput } from '../access-log.ts';
import type { LoadedConfig } from '../config/load.ts';
import { configuredSecrets } from './configured-secrets.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { prettyAccessLine } from '../pretty-line.ts';

/** At most one log line in this time says that access lines were dropped. ms. */
const DROPPED_LINE_MS = 60_000;

/** The access log of a configuration. Undefined: no request has a line. `worker`: its number. */
export function openAccessLog(
  config: LoadedConfig,
  { lines, paint }: AccessOutput,
  log: Logger,
  metrics: Metrics,
  worker?: number,
): AccessLog | undefined {
  const { requests, sample, query, perSecond } = config.log.access;
  if (requests === 'none') return undefined;
  return new AccessLog({
    requests,
    sample,
    perSecond,
    withQuery: query,
    isSecret: configuredSecrets(config),
    format:
      paint === undefined
        ? (entry) => jsonAccessLine(entry, worker)
        : (entry) => prettyAccessLine(entry, paint, worker),
    sink: lines,
    onDropped: tellOfDropped(log, metrics),
  });
}

function tellOfDropped(log: Logger, metrics: Metrics): (reason: DropReason) => void {
  const untold: Record<DropReason, number> = { limit: 0, backlog: 0 };
  const toldAt: Record<DropReason, number> = { limit: -Infinity, backlog: -Infinity };
  return (reason) => {
    metrics.accessLinesDropped.inc({ reason });
    untold[reason] += 1;
    const now = performance.now();
    if (now - toldAt[reason] < DROPPED_LINE_MS) return;
    const why = reason === 'limit' ? 'log.access.perSecond was reached' : 'nobody reads standard output fast enough';
    log.warn(`access lines are dropped: ${why}`, { reason, calls: untold[reason] });
    toldAt[reason] = now;
    untold[reason] = 0;
  };
}
