import { table } from '../../../harness/table.ts';
import type { Tally } from '../../../harness/tally.ts';
import type { Series } from './samples.ts';
import { isFlat, trendOf, type Point } from './trend.ts';

const MINUTE = 60_000;
/** Memory rises until V8 has collected its old generation a few times; what a program leaks goes on after that. */
export const WARM_UP = 30 * MINUTE;
/** Shorter runs say nothing of a slope per hour: a process still warms up. Minutes. */
const JUDGED_FROM = 60;
const MIB = 1_024 * 1_024;

/** What is measured, by the end of its name; how it is shown; and how much it may grow in an hour. */
interface Measure {
  readonly ends: string;
  readonly unit: string;
  readonly scale: number;
  readonly limitPerHour: number;
}

const MEASURES: readonly Measure[] = [
  // What a process keeps shows in its heap after a collection; what is resident besides is V8's to give back.
  { ends: ': resident memory', unit: 'MiB', scale: MIB, limitPerHour: 2 * MIB },
  { ends: ': descriptors', unit: '', scale: 1, limitPerHour: 1 },
  // What else the machine does shows here: by about a millisecond.
  { ends: ': delay', unit: 'ms', scale: 1, limitPerHour: 2 },
  { ends: ': keys', unit: '', scale: 1, limitPerHour: 1 },
  { ends: ': bytes of them', unit: 'KiB', scale: 1_024, limitPerHour: 4 * 1_024 },
];

/** Of the undisturbed replica, from the end of the warm-up to the end. Bytes an hour. */
const HEAP = ': heap after a collection';
const HEAP_LIMIT = MIB / 2;

const HEADS = ['after the warm-up', 'first quarter', 'last quarter', 'an hour', 'noise', 'later half, an hour', ''];

/** Says what the figures of a run did, and judges them if it was long enough. */
export function judgeFigures(series: Series, minutes: number, tally: Tally): void {
  const judged = minutes >= JUDGED_FROM;
  const end = minutes * MINUTE;
  const warmUp = Math.min(WARM_UP, end / 4);
  const rows: string[][] = [];
  for (const [name, points] of series) {
    const measure = MEASURES.find(({ ends }) => name.endsWith(ends));
    const later = points.filter(({ at }) => at >= warmUp && at <= end + MINUTE);
    if (measure === undefined || !livesThroughout(later, warmUp, end)) continue;
    const trend = trendOf(later);
    // A leak goes on in the later half, what warms up slowly does not.
    const half = trendOf(later.filter(({ at }) => at >= (warmUp + end) / 2));
    if (trend === undefined) continue;
    const { unit, scale, limitPerHour } = measure;
    const flat = isFlat(trend, limitPerHour);
    const show = (value: number): string => (value / scale).toFixed(2);
    // This program holds the ledgers of all accounts, and is not what is judged.
    if (judged && !name.startsWith('this program'))
      tally.count(name, flat ? undefined : `grows by ${show(trend.slopePerHour)} ${unit} an hour`);
    rows.push([
      unit === '' ? name : `${name}, ${unit}`,
      ...[trend.start, trend.end, trend.slopePerHour, trend.noise].map(show),
      half === undefined ? '' : show(half.slopePerHour),
      flat ? 'flat' : 'GROWS',
    ]);
  }
  const heaps = [...series].filter(([name, points]) => name.endsWith(HEAP) && points.length > 1);
  for (const [name, points] of heaps) {
    const [first, last] = [points[0]!, points.at(-1)!];
    const perHour = ((last.value - first.value) / (last.at - first.at)) * 60 * MINUTE;
    const flat = perHour <= HEAP_LIMIT;
    const show = (value: number): string => (value / MIB).toFixed(2);
    if (judged) tally.count(name, flat ? undefined : `grows by ${show(perHour)} MiB an hour`);
    rows.push([`${name}, MiB`, show(first.value), show(last.value), show(perHour), '', '', flat ? 'flat' : 'GROWS']);
  }
  console.log(`\n${table([HEADS, ...rows])}\n`);
  if (judged) tally.count('figures', rows.length >= 10 ? undefined : `only ${rows.length} could be judged`);
  else console.log(`not judged by these figures: a run of ${minutes} min is shorter than ${JUDGED_FROM}\n`);
}

/** From the end of the warm-up to the end of the run, with small gaps. */
function livesThroughout(points: readonly Point[], from: number, end: number): boolean {
  const [first, last] = [points[0], points.at(-1)];
  return first !== undefined && last !== undefined && first.at < from + 2 * MINUTE && last.at > end - 2 * MINUTE;
}
