import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const START_MOST = 30_000;
const OUTPUT_MOST = 64 * 1024;

let entry: string | undefined;

/**
 * `serve.ts` as JavaScript, in a folder that `removeEntry` removes. Made once: a TypeScript loader would double every
 * start.
 */
function builtEntry(): string {
  if (entry === undefined) {
    const source = readFileSync(fileURLToPath(new URL('serve.ts', import.meta.url)), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    });
    entry = join(mkdtempSync(join(tmpdir(), 'tokenward-crash-')), 'serve.mjs');
    writeFileSync(entry, outputText);
  }
  return entry;
}

export function removeEntry(): void {
  if (entry !== undefined) rmSync(join(entry, '..'), { recursive: true, force: true });
  entry = undefined;
}

/** Every process started here and not ended yet, so that none outlives the run. */
const running = new Set<ChildProcess>();

export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
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
  /** Makes it send itself the signal when it has passed the point `times` times from now on. */
  arm(point: string, times: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** It ended before it was up; `output` says why. */
export class DidNotStart extends Error {
  readonly code: number | null;
  readonly output: string;

  constructor(code: number | null, output: string) {
    super(`tokenward did not start (exit ${String(code)}): ${output.slice(-1_000)}`);
    this.code = code;
    this.output = output;
  }
}

export async function startChild(configFile: string): Promise<Child> {
  const child = spawn(process.execPath, [builtEntry(), configFile], {
    env: { PATH: process.env['PATH'] ?? '', CRASH_DIST: resolve('dist') },
  });
  running.add(child);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_MOST)));
  // A process that is dead already takes no commands.
  child.stdin.on('error', () => undefined);
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => {
    running.delete(child);
    return { code, signal };
  });
  const lines = createInterface({ input: child.stdout });
  const heard: { start: RegExp; found: (match: RegExpExecArray) => void }[] = [];
  lines.on('line', (line) => {
    for (const [at, { start, found }] of [...heard.entries()].reverse()) {
      const match = start.exec(line);
      if (match === null) continue;
      heard.splice(at, 1);
      found(match);
    }
  });
  const hear = (start: RegExp): Promise<RegExpExecArray> => new Promise((found) => heard.push({ start, found }));

  const timer = setTimeout(() => child.kill('SIGKILL'), START_MOST);
  const up = await Promise.race([hear(/^up (\d+) (\d+)$/), ended]);
  clearTimeout(timer);
  if (!Array.isArray(up)) throw new DidNotStart(up.code, output);
  return {
    pid: child.pid!,
    url: `http://127.0.0.1:${up[1]!}`,
    operatorUrl: `http://127.0.0.1:${up[2]!}`,
    ended,
    output: () => output,
    kill: (signal) => void child.kill(signal),
    async arm(point, times, signal) {
      const done = hear(/^armed$/);
      child.stdin.write(`${point} ${times} ${signal}\n`);
      await Promise.race([done, ended]);
    },
  };
}
