import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { freshFolder } from './files.ts';
import { serve, type Served } from './process.ts';
import { requireBuild } from './tools.ts';

/** A sandbox, a folder, and the built program in front of them. */
export interface Stage {
  folder(): string;
  sandbox(): Sandbox;
  /** Starts the built program with this configuration. Skips the test where it is not built. */
  serve(context: Mocha.Context, file: string): Promise<Served>;
}

/** A fresh one for every test of the surrounding describe; what is started in a test ends with it. */
export function freshStage(): Stage {
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
  return {
    folder,
    sandbox: () => sandbox,
    async serve(context, file) {
      requireBuild(context);
      served = await serve(['-c', file]);
      return served;
    },
  };
}
