import { call } from '../../../support/call.ts';
import { median } from '../median.ts';

/** How a process does, by its own metrics. */
export interface Vitals {
  readonly rss: number;
  readonly heap: number;
  readonly descriptors: number;
  /** Seconds. */
  readonly lag: number;
}

const MIB = 1024 * 1024;

/** Reads them from the operator port. The lag is of the time since the last reading. */
export async function sampleVitals(operatorUrl: string): Promise<Vitals> {
  // At one go: reading them begins the lag anew.
  const { text } = await call(operatorUrl, '/metrics');
  const value = (name: string): number => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    rss: value('process_resident_memory_bytes'),
    heap: value('nodejs_heap_size_used_bytes'),
    descriptors: value('process_open_fds'),
    lag: value('nodejs_eventloop_lag_p50_seconds'),
  };
}

interface Vital {
  readonly name: string;
  read(vitals: Vitals): number;
  show(value: number): string;
  /** What the last quarter's median may be at most, by the second's; and how that is said. */
  most(before: number): number;
}

const mebibytes = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
const milliseconds = (seconds: number): string => `${(seconds * 1_000).toFixed(1)} ms`;

const VITALS: readonly Vital[] = [
  { name: 'resident memory', read: ({ rss }) => rss, show: mebibytes, most: (before) => before + 16 * MIB },
  { name: 'heap in use', read: ({ heap }) => heap, show: mebibytes, most: (before) => before + 12 * MIB },
  {
    name: 'open descriptors',
    read: ({ descriptors }) => descriptors,
    show: (value) => value.toFixed(0),
    most: (before) => before + 5,
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
  const rows = VITALS.map(({ name, read, show, most }) => {
    const before = median(samples.slice(quarter, 2 * quarter).map(read));
    const after = median(samples.slice(-quarter).map(read));
    const limit = most(before);
    // A metric that is not there reads as 0, and would be flat for ever.
    if (before === 0) faults.push(`${name} cannot be read`);
    else if (after > limit) faults.push(`${name} grew from ${show(before)} to ${show(after)}`);
    return [name, show(before), show(after), show(limit)];
  });
  return { rows, faults };
}
