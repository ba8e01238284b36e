import { parseConfig } from '../../src/config/load.ts';
import { sandboxConfigObject, type ConfigObject } from '../support/proxy.ts';
import type { World } from '../support/world.ts';

/** Takes a changed configuration into use, as SIGHUP does once the file has been read. */
export async function reload(
  { sandbox, proxy }: World,
  change: (base: ConfigObject) => ConfigObject = (base) => base,
): Promise<void> {
  const config = change(sandboxConfigObject(sandbox, proxy.folder));
  (await proxy.app.prepare(parseConfig(JSON.stringify(config), process.env))).use();
}
