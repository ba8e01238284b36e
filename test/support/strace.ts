import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { MAIN } from './process.ts';
import { requireTool } from './tools.ts';

/** One system call. */
export interface SystemCall {
  readonly name: string;
  /** Arguments and result as strace prints them: a descriptor with its path or its addresses, `"` in a text as `\"`. */
  readonly text: string;
  /** Positions in the order of beginnings and ends: a call that ends before another begins has happened before it. */
  readonly begin: number;
  readonly end: number;
}

/** A `tokenward serve` whose system calls are written down. */
export interface Traced {
  readonly url: string;
  /** Stops it with SIGTERM, and gives back its calls in the order of their ends, those that failed left out. */
  end(): Promise<SystemCall[]>;
  kill(): void;
}

/** Skips the test where there is no strace, or where it may not trace a process. */
export function requireStrace(context: Mocha.Context): string {
  const strace = requireTool(context, 'strace');
  try {
    execFileSync(strace, ['-f', '-q', '-o', '/dev/null', process.execPath, '-e', ''], { stdio: 'ignore' });
  } catch {
    context.runnable().title += ' (skipped: strace may not trace a process here)';
    context.skip();
  }
  return strace;
}

const CALLS = [
  ...['openat', 'mkdir', 'link', 'linkat', 'rename', 'renameat2'],
  ...['read', 'readv', 'recvfrom', 'recvmsg', 'write', 'writev', 'sendto', 'sendmsg'],
  ...['pwrite64', 'pwritev', 'pwritev2', 'fsync', 'fdatasync', 'sync_file_range', 'msync'],
];

/** How long each sync of a file takes at least: as on a slow disk, so that whoever does not wait for it is seen. µs. */
const SYNC_TAKES = 100_000;

/** Starts the built program under strace and waits until it says that it is up. `trace`: the file of the calls. */
export async function serveTraced(strace: string, trace: string, configFile: string): Promise<Traced> {
  const child = spawn(
    strace,
    [
      // All threads, descriptors with what they are, texts to their end, and no stop at other calls.
      ...['-f', '-yy', '-s', '16384', '--seccomp-bpf', '-o', trace, '-e', `trace=${CALLS.join()}`],
      ...['-e', `inject=fdatasync,fsync:delay_enter=${SYNC_TAKES}`],
      ...[process.execPath, MAIN, 'serve', '-c', configFile],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const closed = once(child, 'close');
  let said = '';
  const up = new Promise<string>((found) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const line = said.split('\n').find((one) => one.includes('tokenward is up'));
      if (line !== undefined) found((JSON.parse(line) as { address: string }).address);
    });
  });
  const ended = closed.then(() => Promise.reject(new Error(`tokenward ended: ${said}`)));
  ended.catch(() => undefined);
  // To the program and not to strace, which would leave it running.
  const signal = (name: NodeJS.Signals): void => {
    const [pid] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
    if (pid !== undefined && pid !== '') process.kill(Number(pid), name);
  };
  return {
    url: await Promise.race([up, ended]),
    async end() {
      signal('SIGTERM');
      await closed;
      return parseTrace(readFileSync(trace, 'utf8'));
    },
    kill() {
      if (child.exitCode === null && child.signalCode === null) signal('SIGKILL');
    },
  };
}

/** Whether it has made a file's content durable, or a folder's entries. */
export function isSync({ name, text }: SystemCall): boolean {
  return /^f(?:data)?sync$/.test(name) && / = 0(?: \(DELAYED\))?$/.test(text);
}

/** The calls that came to an end without an error. */
function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  /** By thread: a call that another thread's came into, and where it began. */
  const unfinished = new Map<string, { text: string; begin: number }>();
  for (const [at, line] of text.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const earlier = unfinished.get(thread);
    const whole = resumed === null ? rest : `${earlier?.text ?? ''}${resumed[1]!}`;
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(thread, { text: rest.slice(0, -'<unfinished ...>'.length), begin: at });
      continue;
    }
    const name = /^(\w+)\(/.exec(whole)?.[1];
    if (name === undefined || / = -1 E\w+ \([^)]*\)$/.test(whole)) continue;
    calls.push({ name, text: whole, begin: resumed === null ? at : (earlier?.begin ?? at), end: at });
  }
  return calls;
}
