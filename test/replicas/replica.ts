import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const START_MOST = 90_000;
const OUTPUT_MOST = 64 * 1024;

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
    entry = join(mkdtempSync(join(tmpdir(), 'tokenward-replicas-')), 'serve.mjs');
    writeFileSync(entry, outputText);
  }
  return entry;
}

/** Ends what still runs, and removes what was made for it. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
  if (entry !== undefined) rmSync(join(entry, '..'), { recursive: true, force: true });
  entry = undefined;
}

/** One tokenward in a process of its own. */
export interface Replica {
  readonly url: string;
  readonly operatorUrl: string;
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal and waits for the end; the exit code. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** The end of what it said on standard error. */
  output(): string;
  /**
   * Makes it stand still when it next passes the point: until `go`, or, with "stop", until SIGCONT. Resolves when it is
   * armed; the function given back resolves when it is there.
   */
  arm(point: string, then: 'wait' | 'stop'): Promise<() => Promise<void>>;
  go(): void;
}

export async function startReplica(configFile: string): Promise<Replica> {
  const child = spawn(process.execPath, [builtEntry(), configFile], {
    env: { PATH: process.env['PATH'] ?? '', REPLICA_DIST: resolve('dist') },
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  });
  running.add(child);
  let output = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_MOST)));
  child.stdin!.on('error', () => undefined);
  const ended = (once(child, 'close') as Promise<[number | null]>).then(([code]) => {
    running.delete(child);
    return code;
  });
  const died = ended.then((code) => {
    throw new Error(`a replica ended (${String(code)}): ${output.slice(-1_000)}`);
  });
  died.catch(() => undefined);
  const lines = createInterface({ input: child.stdout! });
  const hear = (start: RegExp): Promise<RegExpExecArray> =>
    new Promise((found) => {
      const look = (line: string): void => {
        const match = start.exec(line);
        if (match === null) return;
        lines.off('line', look);
        found(match);
      };
      lines.on('line', look);
    });
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MOST);
  const [, port, operatorPort] = await Promise.race([hear(/^up (\d+) (\d+)$/), died]).finally(() =>
    clearTimeout(timer),
  );
  return {
    url: `http://127.0.0.1:${port!}`,
    operatorUrl: `http://127.0.0.1:${operatorPort!}`,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    async end(signal = 'SIGKILL') {
      child.kill(signal);
      return ended;
    },
    async arm(point, then) {
      const reached = hear(new RegExp(`^reached ${point}$`));
      const armed = once(child, 'message');
      child.send({ point, then });
      await Promise.race([armed, died]);
      return async () => void (await Promise.race([reached, died]));
    },
    go: () => void child.stdin!.write('.'),
  };
}
