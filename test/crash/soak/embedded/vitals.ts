import { readdirSync } from 'node:fs';
import type { Child } from '../../../harness/child.ts';
import { call } from '../../../support/call.ts';
import { residentMemory } from '../../../support/resident-memory.ts';
import { median } from '../median.ts';

/**
 * How a process does. Memory and descriptors are the kernel's word. Of the heap and of the event loop the kernel knows
 * nothing: they are the process's own, and only say more about what the kernel sees.
 */
export interface Vitals {
  /** performance.now(). */
  readonly at: number;
  readonly rss: number;
  readonly heap: number;
  readonly descriptors: number;
  /** Seconds. */
  readonly lag: number;
}

const MIB = 1024 * 1024;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Reads them. The lag is of the time since the last reading. */
export async function sampleVitals({ pid, operatorUrl }: Pick<Child, 'pid' | 'operatorUrl'>): Promise<Vitals> {
  // At one go: reading them begins the lag anew.
  const { text } = await call(operatorUrl, '/metrics');
  const value = (name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    at: performance.now(),
    rss: residentMemory(pid) ?? 0,
    heap: value('nodejs_heap_size_used_bytes'),
    descriptors: descriptors(pid),
    lag: value('nodejs_eventloop_lag_p50_seconds'),
  };
}

function descriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

interface Vital {
  readonly name: string;
  read(vitals: Vitals): number;
  show(value: number): string;
  /** What the last quarter's median may be at most, by the second's, in a run of `length` ms; and how that is said. */
  most(before: number, length: number): number;
}

/**
 * How much memory may grow from the second quarter to the last, half a run later, in bytes. Designed for is 1 MiB an
 * hour; beside it there is a heap that is still finding its size, and has less excuse the longer the run is.
 */
function growth(length: number, settling: number): number {
  const share = length < 10 * MINUTE ? 1 : length < HOUR ? 0.5 : 0.25;
  return (share * settling + length / 2 / HOUR) * MIB;
}

const mebibytes = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
const milliseconds = (seconds: number): string => `${(seconds * 1_000).toFixed(1)} ms`;

const VITALS: readonly Vital[] = [
  {
    name: 'resident memory',
    read: ({ rss }) => rss,
    show: mebibytes,
    most: (before, length) => before + growth(length, 16),
  },
  {
    name: 'heap in use',
    read: ({ heap }) => heap,
    show: mebibytes,
    most: (before, length) => before + growth(length, 12),
  },
  {
    name: 'open descriptors',
    read: ({ descriptors }) => descriptors,
    show: (value) => value.toFixed(0),
    most: (before, length) => before + (length < HOUR ? 5 : 2),
  },
  {
    name: 'event-loop lag (median)',
    read: ({ lag }) => lag,
    show: milliseconds,
    most: (before) => Math.max(0.05, 1.5 * before),
  },
];

/**
 * The first quarter is for warming up; the last one is held against the second. Medians, because a fault in progress
 * holds descriptors and time of its own.
 */
export function judgeVitals(samples: readonly Vitals[]): { rows: string[][]; faults: string[] } {
  const quarter = Math.floor(samples.length / 4);
  if (quarter < 2) return { rows: [], faults: ['too few samples to judge memory, descriptors and lag by'] };
  const faults: string[] = [];
  const length = samples.at(-1)!.at - samples[0]!.at;
  const rows = VITALS.map(({ name, read, show, most }) => {
    const before = median(samples.slice(quarter, 2 * quarter).map(read));
    const after = median(samples.slice(-quarter).map(read));
    const limit = most(before, length);
    // What is not there reads as 0, and would be flat for ever.
    if (before === 0) faults.push(`${name} cannot be read`);
    else if (after > limit) faults.push(`${name} grew from ${show(before)} to ${show(after)}`);
    return [name, show(before), show(after), show(limit)];
  });
  return { rows, faults };
}
