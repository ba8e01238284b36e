import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

/** Signals that are passed on to the command. */
const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;
/** Those that a terminal sends to the command itself as well. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGWINCH']);

/** What shells return for a program that cannot be started, and that is not there. */
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/**
 * Runs a command with this process's input and output, and passes signals on. Resolves with its exit code: 128 and the
 * signal's number if a signal ended it.
 */
export function runCommand(
  [program, ...args]: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(program!, args, { stdio: 'inherit', env: environment });
    } catch (error) {
      process.stderr.write(`tokenward: ${program} cannot be started (${(error as Error).message})\n`);
      return resolve(NOT_EXECUTABLE);
    }
    const passOn = (signal: NodeJS.Signals): void => {
      if (process.stdin.isTTY && FROM_TERMINAL.has(signal)) return;
      child.kill(signal);
    };
    for (const signal of PASSED_ON) process.on(signal, passOn);
    const ended = (code: number): void => {
      for (const signal of PASSED_ON) process.off(signal, passOn);
      resolve(code);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      process.stderr.write(`tokenward: ${program} cannot be started (${error.code ?? error.message})\n`);
      ended(error.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE);
    });
    child.once('exit', (code, signal) => ended(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
