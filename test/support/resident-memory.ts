import { readFileSync } from 'node:fs';

/** Resident memory of a process by the kernel's word, bytes; undefined where there is no /proc, or no such process. */
export function residentMemory(pid: number): number | undefined {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  } catch {
    return undefined;
  }
}
