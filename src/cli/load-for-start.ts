import type { InheritedSockets } from '../app/inherited-sockets.ts';
import { OperatorPort } from '../app/operator-port.ts';
import { Startup } from '../app/startup.ts';
import { ConfigError, type LoadedConfig } from '../config/load.ts';
import type { EarlyConfig } from '../config/early.ts';
import { createLogger } from '../log.ts';
import { outputOf } from './output.ts';

/** What a start goes on with. */
export interface LoadedForStart {
  readonly config: LoadedConfig;
  /** Present if there was something to wait for: it listens already, and its wait counts. */
  readonly waited: { readonly startup: Startup; readonly operatorPort: OperatorPort } | undefined;
}

/**
 * Reads the configuration. While it only lacks files with values, such as secrets that another program writes, it is
 * read again, and the operator port tells health checks so. Rejects with a ConfigError or a ListenError.
 */
export async function loadForStart(
  read: () => LoadedConfig,
  sockets: InheritedSockets,
  signal: AbortSignal,
): Promise<LoadedForStart> {
  let early: EarlyConfig;
  try {
    return { config: read(), waited: undefined };
  } catch (error) {
    if (!(error instanceof ConfigError) || error.early === undefined || error.early.startup.wait === 0) throw error;
    ({ early } = error);
  }
  const log = createLogger(early.log.level, {}, outputOf(early).paint);
  const startup = new Startup({ limitMs: early.startup.wait, log, signal });
  const operatorPort = await OperatorPort.open(early.operator, { log, sockets, reason: () => startup.reason });
  try {
    const config = await startup.until(read);
    const { host, port } = config.operator;
    if (host === early.operator.host && port === early.operator.port)
      return { config, waited: { startup, operatorPort } };
    // Its file was changed meanwhile.
    await operatorPort.close();
    return { config, waited: undefined };
  } catch (error) {
    await operatorPort.close();
    throw error;
  }
}
