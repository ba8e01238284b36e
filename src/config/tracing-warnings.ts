import type { Report } from './issues.ts';
import type { Config } from './schema.ts';

/** The port that receivers open for OTLP over gRPC. */
const GRPC_PORT = '4317';

/** Warns of a receiver that probably speaks gRPC. */
export function warnOfGrpcPort({ tracing }: Pick<Config, 'tracing'>, report: Report): void {
  if (tracing === undefined || new URL(tracing.endpoint).port !== GRPC_PORT) return;
  report(
    ['tracing', 'endpoint'],
    `has port ${GRPC_PORT}, which is usually OTLP over gRPC; spans go over HTTP, whose port is usually 4318`,
  );
}
