import type { LoadedConfig } from '../config/load.ts';
import { describeFault, type Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Tracing } from '../request-trace.ts';
import type * as TracingModule from '../tracing/tracing.ts';
import { trimEnd } from '../trim-end.ts';
import { createSpanReports } from './span-reports.ts';

/** Tracing is configured and cannot begin. */
export class TracingError extends Error {
  override readonly name = 'TracingError';
}

const PATH = '/v1/traces';

/**
 * What makes the spans of a configuration. Undefined: it has no `tracing`, and nothing of OpenTelemetry is loaded.
 * Rejects with a TracingError. `worker`: its number.
 */
export async function openTracing(
  { tracing }: Pick<LoadedConfig, 'tracing'>,
  log: Logger,
  metrics: Metrics,
  worker?: number,
): Promise<Tracing | undefined> {
  if (tracing === undefined) return undefined;
  const { endpoint, headers, sample, service, attributes } = tracing;
  const base = trimEnd(endpoint, '/');
  const url = base.endsWith(PATH) ? base : base + PATH;
  const { OtlpTracing } = await load();
  const observer = createSpanReports(new URL(url).host, log, metrics);
  return new OtlpTracing({ url, headers, sample, service, attributes, worker, observer });
}

/** Its packages are a quarter of what is installed, and an image may leave them out. */
async function load(): Promise<typeof TracingModule> {
  try {
    return await import('../tracing/tracing.ts');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') throw error;
    const missing = /@opentelemetry\/[\w-]+/.exec(message)?.[0] ?? describeFault(error);
    throw new TracingError(
      `tracing is configured, but the package ${missing} is not installed beside tokenward: ` +
        'install tokenward with all its dependencies, or remove tracing from the configuration',
      { cause: error },
    );
  }
}
