import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, readdirSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where a program is, looked for as a shell does, and where system administrators' programs are. */
export function find(program: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders
    .map((folder) => join(folder, program))
    .find((file) => {
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
  return {
    cpus: allowedCpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    kernel: release(),
    node: process.version,
    pinning: pinning(),
    loadBefore: loadavg()[0]!,
  };
}

const TICKS = ticksPerSecond();

function ticksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  } catch {
    return 100;
  }
}

/** What /proc says of these processes and all their descendants: the fields of `stat` behind the program's name. */
function family(roots: readonly number[]): { pid: number; fields: readonly string[] }[] {
  const all = new Map<number, readonly string[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1');
      // The second field is the program's name in brackets and may hold anything.
      all.set(Number(entry), stat.slice(stat.lastIndexOf(')') + 2).split(' '));
    } catch {
      continue;
    }
  }
  const belongs = (pid: number): boolean => pid > 0 && (roots.includes(pid) || belongs(Number(all.get(pid)?.[1] ?? 0)));
  return [...all].filter(([pid]) => belongs(pid)).map(([pid, fields]) => ({ pid, fields }));
}

/** User and system time of these processes and all their descendants. Seconds. */
export function cpuSeconds(roots: readonly number[]): number {
  return family(roots).reduce((sum, { fields }) => sum + Number(fields[11]) + Number(fields[12]), 0) / TICKS;
}

/** Resident memory of these processes and all their descendants; pages they share count once each. Bytes. */
export function residentBytes(roots: readonly number[]): number {
  return family(roots).reduce(
    (sum, { pid }) =>
      sum + Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    0,
  );
}

/** Time one CPU has spent on any process, and time the hypervisor kept it away. Seconds. */
export function cpuBusySeconds(cpu: number): number {
  const line = readFileSync('/proc/stat', 'latin1')
    .split('\n')
    .find((text) => text.startsWith(`cpu${cpu} `));
  const [, user, nice, system, , , , , steal] = (line ?? '').split(' ').map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (steal ?? 0)) / TICKS;
}
