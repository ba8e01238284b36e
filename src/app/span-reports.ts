import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/** At most one log line in this time says that spans are dropped. ms. */
const DROPPED_LINE_MS = 60_000;

/** Why spans are dropped; values of a metric's label. */
export const SPAN_DROP_REASONS = ['queue', 'export'] as const;

/** What became of spans, for metrics and the log. */
interface SpanReports {
  exported(spans: number): void;
  overflowed(spans: number): void;
  failed(spans: number, reason: string): void;
}

/**
 * One log line when spans begin to get lost, one when the endpoint takes them again, and counters for all. `endpoint`:
 * its host and port.
 */
export function createSpanReports(endpoint: string, log: Logger, metrics: Metrics): SpanReports {
  let untold = 0;
  let toldAt = -Infinity;
  let told = false;
  const dropped = (reason: (typeof SPAN_DROP_REASONS)[number], spans: number, why: string): void => {
    metrics.spansDropped.inc({ reason }, spans);
    untold += spans;
    const now = performance.now();
    if (now - toldAt < DROPPED_LINE_MS) return;
    toldAt = now;
    told = true;
    log.warn(`spans are dropped, requests are not affected: ${why}`, { reason, address: endpoint, calls: untold });
    untold = 0;
  };
  return {
    exported(spans) {
      metrics.spansExported.inc(spans);
      if (!told) return;
      told = false;
      log.info(`spans arrive at ${endpoint} again`, { address: endpoint, calls: untold });
      untold = 0;
    },
    overflowed: (spans) => dropped('queue', spans, `${endpoint} does not take them fast enough`),
    failed: (spans, reason) => dropped('export', spans, `${endpoint} does not take them (${reason})`),
  };
}
