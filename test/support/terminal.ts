import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';
import { MAIN } from './process.ts';
import { requireBuild, requireTool } from './tools.ts';

/** tokenward at a real terminal (a pseudo-terminal of util-linux `script`). */
export interface AtTerminal {
  /** All that the terminal got, escape sequences too. */
  shown(): string;
  /** Waits for a text that comes after what was waited for before. */
  sees(pattern: RegExp): Promise<void>;
  type(keys: string): void;
  /** The exit code. */
  ended(): Promise<number>;
  /** Ends it, if it still runs. */
  kill(): void;
}

/** Skips the test where `script` or the built program is missing. `size`: undefined where the terminal knows none. */
export function atTerminal(
  context: Mocha.Context,
  args: readonly string[],
  size: readonly [rows: number, columns: number] | undefined,
  cwd: string,
): AtTerminal {
  requireBuild(context);
  const script = requireTool(context, 'script');
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
  const sized = size === undefined ? '' : `stty rows ${size[0]} columns ${size[1]}; `;
  const child = spawn(script, ['-qec', `${sized}exec ${command}`, '/dev/null'], {
    cwd,
    env: { ...process.env, TERM: 'xterm', NO_COLOR: '1' },
  });
  const closed = once(child, 'close') as Promise<[number]>;
  let shown = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
  return {
    shown: () => shown,
    async sees(pattern) {
      await eventually(`${pattern} on the terminal`, () => pattern.test(shown.slice(seen)), 20_000).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}; it showed ${JSON.stringify(shown.slice(seen))}`);
        },
      );
      const found = pattern.exec(shown.slice(seen))!;
      seen += found.index + found[0].length;
    },
    type: (keys) => void child.stdin.write(keys),
    ended: async () => (await closed)[0],
    kill: () => void child.kill('SIGKILL'),
  };
}
