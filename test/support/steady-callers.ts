import { setTimeout as sleep } from 'node:timers/promises';
import { call } from './call.ts';

/** What one caller got. Times are monotonic ms. */
export interface CallerSaw {
  readonly startedAt: number;
  readonly endedAt: number;
  /** 0: no answer, the connection was cut. */
  readonly status: number;
  /** tokenward's own error code, if it was its answer. */
  readonly code: string | undefined;
  readonly retryAfter: number | undefined;
}

/** One call, whatever comes of it. */
export async function seenBy(base: string, target: string): Promise<CallerSaw> {
  const startedAt = performance.now();
  const answer = await call(base, target).catch(() => undefined);
  const own = answer?.headers['x-tokenward-error'];
  const after = answer?.headers['retry-after'];
  return {
    startedAt,
    endedAt: performance.now(),
    status: answer?.status ?? 0,
    code: typeof own === 'string' ? own : undefined,
    retryAfter: after === undefined ? undefined : Number(after),
  };
}

/**
 * Calls at a steady rate, one every `interval` ms whether or not earlier ones are answered, until `done` says so;
 * resolves with what all of them got, in order of their start.
 */
export async function callSteadily(
  base: string,
  target: string,
  interval: number,
  done: () => boolean,
): Promise<CallerSaw[]> {
  const all: Promise<CallerSaw>[] = [];
  for (let next = performance.now(); !done(); next += interval) {
    all.push(seenBy(base, target));
    await sleep(Math.max(0, next + interval - performance.now()));
  }
  return Promise.all(all);
}

/** Statuses and codes with their counts, to show and to compare: `{ '200': 57, '503 token_unavailable': 3 }`. */
export function tally(saw: readonly CallerSaw[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, code } of saw) {
    const name = code === undefined ? String(status) : `${status} ${code}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
