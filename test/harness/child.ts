import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Command } from './serve.ts';

const START_MS = 90_000;
const MAX_OUTPUT = 64 * 1024;

/** Every process started here and not ended yet, so that none outlives the run. */
const running = new Set<ChildProcess>();

let entry: string | undefined;

/** `serve.ts` as JavaScript, made once: a TypeScript loader would double every start. */
function builtEntry(): string {
  if (entry === undefined) {
    const source = readFileSync(fileURLToPath(new URL('serve.ts', import.meta.url)), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    });
    const folder = mkdtempSync(join(tmpdir(), 'tokenward-harness-'));
    entry = join(folder, 'serve.mjs');
    writeFileSync(entry, outputText);
    process.once('exit', () => {
      for (const child of running) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    });
  }
  return entry;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A tokenward in a process of its own. */
export interface Child {
  readonly pid: number;
  readonly url: string;
  readonly operatorUrl: string;
  /** Resolves when it has ended. */
  readonly ended: Promise<Ended>;
  /** The end of what it said on standard error. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ended>;
  /**
   * Makes it do something when it next passes the point in a renewal that begins from now on. Resolves when it is
   * armed; the function given back resolves when it stands still there.
   */
  arm(point: string, then: Command['then']): Promise<() => Promise<void>>;
  /** It stands still at a point where it was told to wait, and goes on. */
  go(): void;
}

/** It ended before it was up; `output` says why. */
export class DidNotStart extends Error {
  readonly output: string;

  constructor(code: number | null, output: string) {
    super(`tokenward did not start (exit ${String(code)}): ${output.slice(-1_000)}`);
    this.output = output;
  }
}

export async function startChild(configFile: string): Promise<Child> {
  const child = spawn(process.execPath, [builtEntry(), configFile], {
    env: { PATH: process.env['PATH'] ?? '', HARNESS_DIST: resolve('dist') },
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  });
  running.add(child);
  let output = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-MAX_OUTPUT)));
  // A process that is dead already takes no commands.
  child.stdin!.on('error', () => undefined);
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => {
    running.delete(child);
    return { code, signal };
  });
  const lines = createInterface({ input: child.stdout! });
  const line = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((found) => {
      const look = (text: string): void => {
        const match = pattern.exec(text);
        if (match === null) return;
        lines.off('line', look);
        found(match);
      };
      lines.on('line', look);
    });

  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const up = await Promise.race([line(/^up (\d+) (\d+)$/), ended]);
  clearTimeout(timer);
  if (!Array.isArray(up)) throw new DidNotStart(up.code, output);
  return {
    pid: child.pid!,
    url: `http://127.0.0.1:${up[1]!}`,
    operatorUrl: `http://127.0.0.1:${up[2]!}`,
    ended,
    output: () => output,
    kill: (signal) => void child.kill(signal),
    end(signal = 'SIGKILL') {
      child.kill(signal);
      return ended;
    },
    async arm(point, then) {
      const reached = line(new RegExp(`^reached ${point}$`));
      const armed = new Promise((resolve) => child.once('message', resolve));
      const command: Command = { point, then };
      child.send(command, () => undefined);
      await Promise.race([armed, ended]);
      return async () => {
        const end = await Promise.race([reached, ended]);
        if (!Array.isArray(end))
          throw new Error(`it ended before ${point} (${String(end.code)}): ${output.slice(-1_000)}`);
      };
    },
    go: () => void child.stdin!.write('.'),
  };
}
