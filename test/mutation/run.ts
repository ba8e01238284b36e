import { writeFileSync } from 'node:fs';
import { runProgram } from '../harness/program.ts';
import { table } from '../harness/table.ts';
import { Tally } from '../harness/tally.ts';
import { FOLDER, runMutants, type Mutant } from './mutants.ts';
import { HELP, parseOptions, type Options, type Part } from './options.ts';
import { measure } from './slow-tests.ts';
import { entryOf, EQUIVALENT, isListed, placeOf, type Place } from './survivors.ts';

const HEAD = ['folder', 'mutants', 'killed', 'listed', 'survived', 'score'];

/** What became of the mutants of a file or a folder. */
class Score {
  mutants = 0;
  killed = 0;
  listed = 0;

  get percent(): number {
    return (100 * this.killed) / this.mutants;
  }

  row(name: string): string[] {
    const { mutants, killed, listed } = this;
    const numbers = [mutants, killed, listed, mutants - killed - listed].map(String);
    return [name, ...numbers, `${this.percent.toFixed(1)} %`];
  }
}

async function main({ parts, again, jobs, measure: measures }: Options): Promise<number> {
  if (measures) await measure();
  const tally = new Tally();
  const rows: string[][] = [];
  for (const part of parts) rows.push(judge(part, await runMutants(part, jobs, again), tally));
  if (rows.length === 0) {
    console.log('mutate: nothing to mutate');
    return 0;
  }
  console.log(`\n${table([HEAD, ...rows])}\n`);
  return tally.close('mutate');
}

/** Says what became of each file; the folder's row. */
function judge({ group, files }: Part, mutants: readonly Mutant[], tally: Tally): string[] {
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
  const { percent } = whole;
  tally.count(group.folder, percent >= group.bar ? undefined : `${percent.toFixed(1)} % is below ${group.bar} %`);
  const gone = EQUIVALENT.filter((one) => files.includes(one.file) && !used.has(one));
  for (const { file: where, at, now } of gone) tally.count(where, `is listed as equivalent and is not: ${at} → ${now}`);
  if (group.complete)
    tally.count(group.folder, survivors.length === 0 ? undefined : `${survivors.length} survivors without a reason`);
  return whole.row(group.folder);
}

await runProgram('mutate', HELP, parseOptions, main);
