import { readdirSync, readFileSync } from 'node:fs';

/** How a process does, by the kernel's word. */
export interface ProcessVitals {
  /** Bytes. */
  readonly rss: number;
  readonly descriptors: number;
  /** Of processor time since its start, all threads. */
  readonly cpuSeconds: number;
}

/** Undefined if the process has ended. */
export function vitalsOf(pid: number): ProcessVitals | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
    // One that has ended and only waits for its parent has no memory.
    if (rss === undefined) return undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold spaces. User and system time are the 14th and 15th field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      rss: Number(rss) * 1_024,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    };
  } catch {
    return undefined;
  }
}

export function childrenOf(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}
