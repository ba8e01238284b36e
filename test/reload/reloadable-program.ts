import { join } from 'node:path';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { call, type Answer } from '../support/call.ts';
import { writeConfig } from '../support/files.ts';
import type { Served } from '../support/process.ts';
import { sandboxConfigObject, type ConfigObject } from '../support/proxy.ts';
import { freshStage } from '../support/stage.ts';

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
  const stage = freshStage();
  return async (context, base = {}) => {
    const folder = stage.folder();
    const sandbox = stage.sandbox();
    const whole = { ...sandboxConfigObject(sandbox, join(folder, 'store')), ...base };
    const configure = (change: ConfigObject | string): string =>
      writeConfig(folder, typeof change === 'string' ? change : { ...whole, ...change });
    const running = await stage.serve(context, configure({}));
    return {
      sandbox,
      served: running,
      folder,
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
