import { median } from '../median.ts';

/** One figure of a process over time: when (ms), and how much. */
export interface Point {
  readonly at: number;
  readonly value: number;
}

/** What a series of figures does over its time. */
export interface Trend {
  /** Medians of the first and of the last quarter. */
  readonly start: number;
  readonly end: number;
  /** By Theil and Sen: the median of the slopes between all pairs of points. A few odd points do not move it. */
  readonly slopePerHour: number;
  /** Twice the median distance of the points from that line: how far a single figure strays without any growth. */
  readonly noise: number;
  readonly hours: number;
}

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** Undefined with too few points to say anything. */
export function trendOf(points: readonly Point[]): Trend | undefined {
  const all = byMinute(points);
  if (all.length < 8) return undefined;
  const slopes: number[] = [];
  for (const [index, one] of all.entries())
    for (const other of all.slice(index + 1)) slopes.push((other.value - one.value) / (other.at - one.at));
  const slope = median(slopes);
  const level = median(all.map(({ at, value }) => value - slope * at));
  const quarter = Math.floor(all.length / 4);
  const values = all.map(({ value }) => value);
  return {
    start: median(values.slice(0, quarter)),
    end: median(values.slice(-quarter)),
    slopePerHour: slope * HOUR,
    noise: 2 * median(all.map(({ at, value }) => Math.abs(value - level - slope * at))),
    hours: (all.at(-1)!.at - all[0]!.at) / HOUR,
  };
}

/** It does not grow faster than `limitPerHour`, as far as that can be told from noise. */
export function isFlat({ slopePerHour, noise, hours }: Trend, limitPerHour: number): boolean {
  return slopePerHour * hours <= limitPerHour * hours + noise;
}

/** The median of each minute: a sample that falls into a collection of garbage is not a trend. */
function byMinute(points: readonly Point[]): Point[] {
  const minutes = new Map<number, Point[]>();
  for (const point of points) {
    const minute = Math.floor(point.at / MINUTE);
    const list = minutes.get(minute);
    if (list === undefined) minutes.set(minute, [point]);
    else list.push(point);
  }
  return [...minutes.values()].map((list) => ({
    at: median(list.map(({ at }) => at)),
    value: median(list.map(({ value }) => value)),
  }));
}
