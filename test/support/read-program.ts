import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { MAIN } from './process.ts';

/** A running `tokenward`, whose log may be JSON or for people. */
export interface ReadProgram {
  readonly url: string;
  readonly operatorUrl: string;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  kill(): void;
}

/** Starts the built program and waits until its log says that it is up. */
export async function startReading(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ReadProgram> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  const closed = once(child, 'close') as Promise<[number | null]>;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const [url, operatorUrl] = await new Promise<readonly [string, string]>((found, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      const line =
        stderr
          .split('\n')
          .slice(0, -1)
          .find((one) => one.includes('tokenward is up')) ?? '';
      const [, address, operator] = /address"?[=:]"?(http[^ ",]+).*?operator on (http[^" ,]+)/.exec(line) ?? [];
      if (address !== undefined) found([address, operator!]);
    });
    void closed.then(() => reject(new Error(`tokenward ended: ${stderr}`)));
  });
  return {
    url,
    operatorUrl,
    pid: child.pid!,
    stdout: () => stdout,
    stderr: () => stderr,
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      return (await closed)[0];
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
