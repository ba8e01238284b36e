import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { StatusDocument } from '../../src/operator/status-document.ts';
import { call, type Answer } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { writeConfig } from '../support/files.ts';
import { statusOf } from '../support/operator.ts';
import type { Served } from '../support/process.ts';
import { sandboxConfigObject, type ConfigObject } from '../support/proxy.ts';
import { freshStage } from '../support/stage.ts';

/** A tokenward of several worker processes in front of a sandbox. */
export interface RunningPool {
  readonly sandbox: Sandbox;
  readonly served: Served;
  /** Writes the configuration anew, with these keys changed. */
  configure(change: ConfigObject | string): void;
  status(): Promise<StatusDocument>;
  /** The process ids of the workers that serve. */
  pids(): Promise<number[]>;
  /** One call on a connection of its own, so that the workers take them in turn. */
  callAnew(target: string): Promise<Answer>;
  /** SIGHUP, and waits until all workers are new ones. */
  restart(): Promise<void>;
  /** The lines logged so far. */
  lines(): { readonly msg: string; readonly level: string; readonly worker?: number; readonly detail?: string }[];
  /** Waits for a line that says this. */
  logged(text: string, within?: number): Promise<void>;
}

/** For every test of the surrounding describe a fresh sandbox and folder; what is started in a test ends with it. */
export function freshPool(): (context: Mocha.Context, workers: number, change?: ConfigObject) => Promise<RunningPool> {
  const stage = freshStage();
  return async (context, workers, change = {}) => {
    const folder = stage.folder();
    const sandbox = stage.sandbox();
    const configure = (more: ConfigObject | string): string =>
      writeConfig(
        folder,
        typeof more === 'string'
          ? more
          : { workers, ...sandboxConfigObject(sandbox, join(folder, 'store')), ...change, ...more },
      );
    const running = await stage.serve(context, configure({}));
    const status = (): Promise<StatusDocument> => statusOf(running);
    const lines = (): ReturnType<RunningPool['lines']> =>
      running
        .output()
        .stderr.split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as ReturnType<RunningPool['lines']>[number]);
    const logged = (text: string, within = 40_000): Promise<void> =>
      eventually(`"${text}" in the log`, () => lines().some(({ msg }) => msg.includes(text)), within);
    const pids = async (): Promise<number[]> =>
      (await status()).workers!.filter(({ state }) => state === 'up').map(({ pid }) => pid!);
    return {
      sandbox,
      served: running,
      status,
      lines,
      logged,
      pids,
      configure: (more) => void configure(more),
      callAnew: (target) => call(running.url, target, { from: '127.0.0.1' }),
      async restart() {
        const done = (): number => lines().filter(({ msg }) => msg.startsWith('all workers run')).length;
        const before = done();
        running.child.kill('SIGHUP');
        await eventually('all workers are replaced', () => done() > before, 60_000);
      },
    };
  };
}

/** Whether a process runs; one that has ended and only waits for its parent does not. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
