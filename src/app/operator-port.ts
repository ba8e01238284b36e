import type { Server } from 'node:http';
import type { LoadedConfig } from '../config/load.ts';
import { createHttpServer } from '../http/server/server.ts';
import type { Logger } from '../log.ts';
import { OperatorAccess } from '../operator/access.ts';
import { createOperatorApp } from '../operator/routes.ts';
import type { ConfigControl } from '../operator/config-status.ts';
import type { OperatorView } from '../operator/view.ts';
import type { Clock } from '../tokens/clock.ts';

/** The operator port, not listening yet. */
export function operatorPort(
  view: OperatorView,
  log: Logger,
  { operator }: Pick<LoadedConfig, 'operator'>,
  config?: ConfigControl,
  clock?: Clock,
): Server {
  const access = new OperatorAccess(operator, clock);
  const app = createOperatorApp({ view, log, access, config, ...(clock && { clock }) });
  return createHttpServer(app, { headerBytes: 16 * 1024 });
}
