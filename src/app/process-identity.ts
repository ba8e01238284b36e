import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What this process knows of itself and of the others on its host. A simulation gives another one. */
export interface Machine {
  readonly host: string;
  readonly pid: number;
  /** This process's PID namespace; empty where there is none. */
  readonly namespace: string;
  /** False only if no process of this namespace has the id. */
  mayRun(pid: number): boolean;
  /** A process's start time in the kernel's ticks; undefined where there is no /proc. */
  startTime(pid: number): string | undefined;
}

const SYSTEM: Machine = {
  get host() {
    return hostname();
  },
  pid: process.pid,
  get namespace() {
    return namespace();
  },
  mayRun: (pid) => {
    try {
      // eslint-disable-next-line no-restricted-properties -- signal 0 ends nothing, it only asks
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ESRCH';
    }
  },
  startTime,
};

/** Identifies this process, so that another one on the same host can check whether it still runs. */
export function leaseOwner(machine = SYSTEM): string {
  const { host, pid, namespace } = machine;
  const random = randomBytes(9).toString('base64url');
  return [host, pid, machine.startTime(pid) ?? '', random, namespace].join('/');
}

/**
 * True only if the lease's process ran on this host and certainly no longer runs. A process id is unique only within
 * its PID namespace (each container has its own), so nothing is known of another one; except for a process with this
 * one's own id, because the embedded store, whose leases these are, does not admit two with the same id.
 */
export function ownerIsGone(owner: string, machine = SYSTEM): boolean {
  const [name, pid, started, , ownerNamespace] = owner.split('/');
  if (name !== machine.host || !/^\d+$/.test(pid ?? '')) return false;
  // An owner without a namespace was written by an earlier version.
  if (ownerNamespace !== machine.namespace) return ownerNamespace !== undefined && Number(pid) === machine.pid;
  if (!machine.mayRun(Number(pid))) return true;
  // The id may have been reused since.
  const currentStart = machine.startTime(Number(pid));
  return currentStart !== undefined && started !== undefined && started !== '' && currentStart !== started;
}

/** This process's PID namespace; empty where there is none. */
function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** A process's start time in the kernel's ticks; undefined where there is no /proc. */
function startTime(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  } catch {
    return undefined;
  }
}
