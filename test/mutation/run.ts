import { writeFileSync } from 'node:fs';
import { runProgram } from '../harness/program.ts';
import { table } from '../harness/table.ts';
import { Tally } from '../harness/tally.ts';
import type { Group } from './groups.ts';
import { FOLDER, runMutants } from './mutants.ts';
import { HELP, parseOptions, type Options, type Part } from './options.ts';
import { measure } from './slow-tests.ts';
import { entryOf, EQUIVALENT, isListed, placeOf, type Place } from './survivors.ts';
import type { Mutant } from './tested.ts';

const HEAD = ['folder', 'mutants', 'killed', 'listed', 'survived', 'score'];

/** What became of the mutants of a file or a folder. */
class Score {
  mutants = 0;
  killed = 0;
  listed = 0;

  get percent(): number {
    return this.mutants === 0 ? 0 : (100 * this.killed) / this.mutants;
  }

  row(name: string): string[] {
    const { mutants, killed, listed } = this;
    const numbers = [mutants, killed, listed, mutants - killed - listed].map(String);
    return [name, ...numbers, `${this.percent.toFixed(1)} %`];
  }
}

/** Of fewer mutants a share says nothing: one survivor among six is no worse than one among forty. */
const FEW = 20;

async function main({ parts, again, jobs, minutes, recent, measure: measures }: Options): Promise<number> {
  if (measures) await measure();
  const tally = new Tally();
  const rows: string[][] = [];
  const end = minutes === undefined ? undefined : performance.now() + minutes * 60_000;
  for (const [index, part] of parts.entries()) {
    // Each group gets its share of what is left, or the first would take all.
    const now = performance.now();
    const until = end === undefined ? undefined : now + Math.max(0, end - now) / (parts.length - index);
    rows.push(judge(part, await runMutants(part, jobs, again, { until }), tally, recent || until !== undefined));
  }
  if (rows.length === 0) {
    console.log('mutate: nothing to mutate');
    return 0;
  }
  console.log(`\n${table([HEAD, ...rows])}\n`);
  // With a limit there may have been no time for a single mutant: nothing is wrong then, and nothing is shown.
  const code = tally.close('mutate');
  return tally.failed === 0 ? 0 : code;
}

/** Says what became of each file; the folder's row. `isPart`: perhaps not of all mutants. */
function judge({ group, files }: Part, mutants: readonly Mutant[], tally: Tally, isPart: boolean): string[] {
  const whole = new Score();
  const scores = new Map(files.map((file) => [file, new Score()]));
  const survivors: Place[] = [];
  const used = new Set<unknown>();
  for (const mutant of mutants) {
    const isKilled = mutant.status === 'Killed' || mutant.status === 'Timeout';
    if (!isKilled && mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') continue;
    const place = placeOf(mutant);
    const listed = isKilled ? undefined : EQUIVALENT.find((one) => isListed(place, one));
    used.add(listed);
    for (const score of [whole, scores.get(place.file)!]) {
      score.mutants += 1;
      if (isKilled) score.killed += 1;
      else if (listed !== undefined) score.listed += 1;
    }
    if (!isKilled && listed === undefined) survivors.push(place);
  }
  survivors.sort((a, b) => (a.file === b.file ? a.from - b.from : a.file < b.file ? -1 : 1));
  const entries = survivors.map((place) => entryOf(place)).join('\n');
  const file = `${FOLDER}/${group.name}/survivors.txt`;
  writeFileSync(file, `${entries}\n`);
  const perFile = [...scores].filter(([, { mutants: count }]) => count > 0).map(([name, score]) => score.row(name));
  console.log(`\n${table([['file', ...HEAD.slice(1)], ...perFile])}\n\n${entries}\n\n(${file}, report.html beside it)`);
  if (isPart) {
    judgePart(group, whole, tally);
    return whole.row(group.folder);
  }
  const { percent } = whole;
  tally.count(group.folder, percent >= group.bar ? undefined : `${percent.toFixed(1)} % is below ${group.bar} %`);
  const gone = EQUIVALENT.filter((one) => files.includes(one.file) && !used.has(one));
  for (const { file: where, at, now } of gone) tally.count(where, `is listed as equivalent and is not: ${at} → ${now}`);
  if (group.complete)
    tally.count(group.folder, survivors.length === 0 ? undefined : `${survivors.length} survivors without a reason`);
  return whole.row(group.folder);
}

/** Of a part, survivors with a reason do not count: in a few lines they may be the most. */
function judgePart(group: Group, { mutants, killed, listed }: Score, tally: Tally): void {
  const judged = mutants - listed;
  if (judged < FEW) {
    console.log(`mutate: ${judged} mutants of ${group.folder} are too few to judge by`);
    return;
  }
  const percent = (100 * killed) / judged;
  tally.count(group.folder, percent >= group.bar ? undefined : `${percent.toFixed(1)} % is below ${group.bar} %`);
}

await runProgram('mutate', HELP, parseOptions, main);
