import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call, type Answer } from '../support/call.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { serve, type Served } from '../support/process.ts';
import { sandboxConfigObject, type ConfigObject } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';

/** The built program in front of a sandbox, with a configuration that a test rewrites. */
export interface ReloadableProgram {
  readonly sandbox: Sandbox;
  readonly served: Served;
  readonly folder: string;
  /** Writes the configuration anew, with these keys changed, or a text. */
  configure(change: ConfigObject | string): void;
  reload(): Promise<Answer>;
  /** The lines logged so far. */
  lines(): { readonly msg: string; readonly detail?: string; readonly trigger?: string }[];
}

/** For every test of the surrounding describe a fresh sandbox and folder; what is started in a test ends with it. */
export function freshProgram(): (context: Mocha.Context, base?: ConfigObject) => Promise<ReloadableProgram> {
  const folder = freshFolder();
  let sandbox: Sandbox;
  let served: Served | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox();
  });
  afterEach(async () => {
    await served?.end('SIGKILL');
    served = undefined;
    await sandbox.close();
  });
  return async (context, base = {}) => {
    requireBuild(context);
    const whole = { ...sandboxConfigObject(sandbox, join(folder(), 'store')), ...base };
    const configure = (change: ConfigObject | string): string =>
      writeConfig(folder(), typeof change === 'string' ? change : { ...whole, ...change });
    const running = await serve(['-c', configure({})]);
    served = running;
    return {
      sandbox,
      served: running,
      folder: folder(),
      configure: (change) => void configure(change),
      reload: () => call(running.operatorUrl, '/reload', { method: 'POST' }),
      lines: () =>
        running
          .output()
          .stderr.split('\n')
          .filter((line) => line.startsWith('{') && line.endsWith('}'))
          .map((line) => JSON.parse(line) as ReturnType<ReloadableProgram['lines']>[number]),
    };
  };
}
