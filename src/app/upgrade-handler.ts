import type { LoadedConfig } from '../config/load.ts';
import type { UpgradeHandler } from '../http/server/upgrade.ts';
import type { RequestPath } from '../proxy/handler.ts';

/** What answers requests for another protocol. Undefined: no route allows one. */
export function upgradeHandler({ routes }: LoadedConfig, path: RequestPath): UpgradeHandler | undefined {
  const protocols = new Set(routes.flatMap(({ upgrade }) => upgrade));
  if (protocols.size === 0) return undefined;
  return { knows: (protocol) => protocols.has(protocol.toLowerCase()), handle: path.handle };
}
