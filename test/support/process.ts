import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';

/** The built program. */
export const MAIN = resolve('dist/main.js');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
export async function run(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string; cwd?: string } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  child.stdin.end(options.input ?? '');
  const output = collect(child);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...output() };
}

export interface Served {
  readonly child: ChildProcess;
  readonly url: string;
  readonly operatorUrl: string;
  output(): { stdout: string; stderr: string };
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `tokenward serve` and waits until it says that it is up. */
export async function serve(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Served> {
  const child = spawn(process.execPath, [MAIN, 'serve', ...args], { env: { ...process.env, ...env } });
  const output = collect(child);
  const closed = once(child, 'close') as Promise<[number | null]>;
  const up = await new Promise<{ address: string; detail: string }>((found, reject) => {
    child.stderr.on('data', () => {
      const line = output()
        .stderr.split('\n')
        .find((text) => text.includes('tokenward is up'));
      if (line !== undefined) found(JSON.parse(line) as { address: string; detail: string });
    });
    void closed.then(() => reject(new Error(`tokenward ended: ${output().stderr}`)));
  });
  return {
    child,
    output,
    url: up.address,
    operatorUrl: up.detail.slice(up.detail.indexOf('http')),
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      return (await closed)[0];
    },
  };
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return () => ({ stdout, stderr });
}
