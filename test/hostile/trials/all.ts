import type { Tally } from '../../harness/tally.ts';
import type { Options } from '../options.ts';
import type { TrialLine } from '../report.ts';
import type { Stage } from '../stage.ts';
import { abandoned, type AbandonedResult } from './abandoned.ts';
import { fuzz } from './fuzz.ts';
import { poisoning, type PoisoningResult } from './poisoning.ts';
import { CUT_WITHIN, slowloris, type SlowlorisResult } from './slowloris.ts';
import { volume, type VolumeResult } from './volume.ts';

const MIB = 1024 * 1024;
const RISE_MOST = 64 * MIB;

/** The trials that are more than one item: each with its figure beside the baseline's. */
export async function runTrials(
  options: Options,
  tally: Tally,
  tokenward: Stage,
  baseline: Stage | undefined,
): Promise<TrialLine[]> {
  const lines: TrialLine[] = [];
  const add = (what: string, ours: string, theirs: string | undefined): void => {
    lines.push({ what, tokenward: ours, baseline: theirs ?? '-' });
    console.log(`${what}: ${ours}${theirs === undefined ? '' : `; http-proxy: ${theirs}`}`);
  };
  const beside = async <T>(
    work: (stage: Stage) => Promise<T>,
    text: (result: T) => string,
  ): Promise<string | undefined> =>
    baseline === undefined ? undefined : work(baseline).then(text, (error: unknown) => `failed: ${String(error)}`);

  if (options.runs('fuzz')) {
    const { cases, possible, through, wrong } = await fuzz(
      tokenward,
      options.seed,
      options.full ? Infinity : options.quick ? 4_000 : 30_000,
      options.full ? 3_600 : options.quick ? 30 : 120,
    );
    for (const one of wrong) tally.count('fuzz', one);
    tally.count('fuzz', wrong.length === 0 ? undefined : `${wrong.length} cases`);
    add(`fuzz: ${cases} of ${possible} cases`, `${wrong.length} wrong, ${through} through and well-formed`, undefined);
  }
  if (options.runs('poisoning')) {
    const trials = 1_000;
    const text = ({ trials: of, crossed, harmed, smuggled, by }: PoisoningResult): string =>
      `${crossed} of ${of} crossed${[...by].map(([name, count]) => ` (${name}: ${count})`).join('')}, ${harmed} harmed, ${smuggled} smuggled`;
    const result = await poisoning(tokenward, options.seed, trials);
    tally.count(
      "poisoning: nobody gets another one's reply",
      result.crossed === 0 && result.smuggled === 0 ? undefined : text(result),
    );
    tally.count('poisoning: good callers are served', result.harmed === 0 ? undefined : text(result));
    // Fewer, because a caller whose reply went elsewhere is waited for.
    add(
      'poisoning',
      text(result),
      await beside((stage) => poisoning(stage, options.seed, options.quick ? 60 : 200), text),
    );
  }
  if (options.runs('abandoned')) {
    const text = ({ callers, arrived, open }: AbandonedResult): string =>
      `${open} of ${arrived} open 300 ms after ${callers} callers left`;
    const result = await abandoned(tokenward);
    tally.count(
      'abandoned requests',
      result.open === 0 && result.arrived === result.callers ? undefined : text(result),
    );
    add('abandoned requests', text(result), await beside(abandoned, text));
  }
  if (options.runs('volume')) {
    const bytes = (options.quick ? 256 : 2_048) * MIB;
    const text = ({ down, up, rise }: VolumeResult): string =>
      `${Math.floor(down / MIB)} MiB down, ${Math.floor(up / MIB)} MiB up, memory ${rise === undefined ? 'not known' : `+${Math.ceil(rise / MIB)} MiB`}`;
    const result = await volume(tokenward, bytes);
    tally.count('volume: all of it arrives', result.down === bytes && result.up === bytes ? undefined : text(result));
    tally.count('volume: memory', result.rise === undefined || result.rise < RISE_MOST ? undefined : text(result));
    add('volume', text(result), await beside((stage) => volume(stage, 256 * MIB), text));
  }
  if (options.runs('slowloris')) {
    const text = ({ opened, cut, longest, good, goodAnswered, slowest }: SlowlorisResult): string =>
      `${cut} of ${opened} cut${cut === 0 ? '' : `, the last after ${longest.toFixed(1)} s`}; ${goodAnswered} of ${good} good ones answered, the slowest in ${slowest.toFixed(0)} ms`;
    const result = await slowloris(tokenward);
    tally.count(
      'slowloris: slow callers are cut',
      result.cut === result.opened && result.longest <= CUT_WITHIN ? undefined : text(result),
    );
    tally.count(
      'slowloris: good callers go on',
      result.goodAnswered === result.good && result.good > 0 ? undefined : text(result),
    );
    add('slowloris', text(result), await beside(slowloris, text));
  }
  return lines;
}
