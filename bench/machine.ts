import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, readdirSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where a program is, looked for as a shell does, and where system administrators' programs are. */
export function find(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The first version number a program prints. */
export function versionOf(program: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 5_000 });
  return /\d+\.\d+[\w.]*/.exec(`${stdout}\n${stderr}`)?.[0] ?? 'unknown';
}

/** The CPUs this process may run on. */
export function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return list.split(',').flatMap((part) => {
    const [from, to] = part.split('-').map(Number) as [number, number | undefined];
    return Array.from({ length: (to ?? from) - from + 1 }, (_, index) => from + index);
  });
}

/** Which CPU the contenders have for themselves, and which one upstream and load share. Undefined: no pinning. */
export interface Pinning {
  readonly proxy: number;
  readonly others: number;
}

export function pinning(): Pinning | undefined {
  const [proxy, others] = allowedCpus();
  return proxy === undefined || others === undefined || find('taskset') === undefined ? undefined : { proxy, others };
}

export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly kernel: string;
  readonly node: string;
  readonly pinning: Pinning | undefined;
  /** Processes that wanted to run in the last minute. */
  readonly loadBefore: number;
}

export function machine(): Machine {
  return { cpus: allowedCpus().length, model: cpus()[0]?.model ?? 'unknown', kernel: release(), node: process.version, pinning: pinning(), loadBefore: loadavg()[0]! };
}

const TICKS = ticksPerSecond();

function ticksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  } catch {
    return 100;
  }
}

/** User and system time of these processes and all their descendants. Seconds. */
export function cpuSeconds(roots: readonly number[]): number {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
    } catch {
      continue;
    }
    // The second field is the program's name in brackets and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    parents.set(Number(entry), Number(fields[1]));
    ticks.set(Number(entry), Number(fields[11]) + Number(fields[12]));
  }
  const belongs = (pid: number | undefined): boolean => pid !== undefined && pid > 0 && (roots.includes(pid) || belongs(parents.get(pid)));
  let sum = 0;
  for (const [pid, count] of ticks) if (belongs(pid)) sum += count;
  return sum / TICKS;
}

/** Time one CPU has spent on any process, and time the hypervisor kept it away. Seconds. */
export function cpuBusySeconds(cpu: number): number {
  const line = readFileSync('/proc/stat', 'latin1').split('\n').find((text) => text.startsWith(`cpu${cpu} `));
  const [, user, nice, system, , , , , steal] = (line ?? '').split(' ').map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (steal ?? 0)) / TICKS;
}
