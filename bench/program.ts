import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from './options.ts';
import { BenchError, Processes } from './processes.ts';

/** What a program of the benchmark works with, and leaves nothing of. */
export interface Session {
  readonly processes: Processes;
  /** A temporary folder. */
  readonly folder: string;
}

/**
 * Runs a program of the benchmark: its processes are ended and its folder removed however it ends, also after Ctrl-C.
 * Resolves the exit code.
 */
export function runProgram(name: string, run: (session: Session) => Promise<number>): void {
  if (process.platform !== 'linux') {
    process.stderr.write(`${name}: CPU times and memory are read from /proc: this needs Linux\n`);
    process.exit(1);
  }
  const processes = new Processes();
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-bench-'));
  // nginx's workers give up root's rights and must still find their way.
  chmodSync(folder, 0o711);

  let stopping = false;
  const end = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await processes.stopAll();
    rmSync(folder, { recursive: true, force: true });
    process.exit(code);
  };
  process.on('SIGINT', () => void end(130));
  process.on('SIGTERM', () => void end(143));
  run({ processes, folder }).then(end, (error: unknown) => {
    // Stopped by a signal: what fails now fails because of it.
    if (stopping) return;
    const expected = error instanceof BenchError || error instanceof UsageError;
    process.stderr.write(
      `\n${name}: ${expected ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
    );
    void end(1);
  });
}

/** Where a program is, for somebody who watches. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
