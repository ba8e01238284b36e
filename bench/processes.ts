import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { find } from './machine.ts';

/** The benchmark cannot go on, for a reason its reader should know. */
export class BenchError extends Error {
  override readonly name: string = 'BenchError';
}

/** A constant rate was too much: some requests had no answer long after the last one was sent. */
export class TooMuch extends BenchError {
  override readonly name = 'TooMuch';
}

export interface Started {
  readonly pid: number;
  /** What it has printed so far, the last part of it. */
  output(): string;
  /** Waits until it prints this; rejects if it ends or ten seconds pass. */
  prints(pattern: RegExp): Promise<RegExpExecArray>;
  /** Waits until it accepts connections on this port. */
  accepts(port: number): Promise<void>;
  /** Waits for its own end; the exit code. */
  ended: Promise<number | null>;
  stop(): Promise<void>;
}

interface SpawnOptions {
  readonly cpu?: number | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const START_MOST = 10_000;
const STOP_MOST = 5_000;
const OUTPUT_MOST = 256 * 1024;

/** Everything this run has started, so that all of it is ended again: by process id, and nothing else. */
export class Processes {
  readonly #running = new Set<Started>();

  start(program: string, args: readonly string[], { cpu, env = {}, cwd }: SpawnOptions = {}): Started {
    const taskset = cpu === undefined ? undefined : find('taskset');
    // taskset turns into the program: the process id stays.
    const [command, all] = taskset === undefined ? [program, args] : [taskset, ['-c', String(cpu), program, ...args]];
    // Of our own environment only what a program needs to be found: settings for this run's Node are not for the
    // contenders.
    const child = spawn(command, all, {
      env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd !== undefined && { cwd }),
    });
    const started = watch(child, program);
    this.#running.add(started);
    void started.ended.then(() => this.#running.delete(started));
    return started;
  }

  async stopAll(): Promise<void> {
    await Promise.allSettled([...this.#running].map((one) => one.stop()));
  }
}

function watch(child: ChildProcess, program: string): Started {
  let output = '';
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => resolve(code));
    child.once('error', (error) => {
      output += error.message;
      resolve(null);
    });
  });
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-OUTPUT_MOST)));
  let over = false;
  void ended.then(() => (over = true));

  const until = async <T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> => {
    const deadline = Date.now() + START_MOST;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (over) throw new BenchError(`${program} ended before it ${what}: ${output.trim().slice(-2_000)}`);
      if (Date.now() > deadline)
        throw new BenchError(
          `${program} has not ${what} within ${START_MOST / 1000} s: ${output.trim().slice(-2_000)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    pid: child.pid ?? -1,
    output: () => output,
    prints: (pattern) => until(`printed ${pattern.source}`, () => pattern.exec(output) ?? undefined),
    accepts: async (port) => {
      await until(`listened on port ${port}`, async () => ((await connects(port)) ? true : undefined));
    },
    ended,
    async stop() {
      if (over) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MOST);
      await ended;
      clearTimeout(timer);
    },
  };
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new BenchError('no free port');
  return address.port;
}
