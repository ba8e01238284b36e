import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * A test or a suite that failed and then passed is flaky, though the run is green. `.ci/run` calls this at its end
 * with the names of those of this run, one a line. Once is bad luck on a busy machine; twice in ten runs is not.
 */

/** A run as `test/flaky.json` has it, oldest first. CI starts from a clean clone, so people add what CI has printed. */
export interface RecordedRun {
  readonly date: string;
  readonly commit: string;
  /** Titles of tests with their files, commands of suites. */
  readonly names: readonly string[];
}

export interface Judgement {
  readonly lines: readonly string[];
  readonly failed: boolean;
}

/** The runs that are looked at. */
const RUNS = 10;
/** So many at once may be bad luck. */
const HANDFUL = 5;

/** Judges the names of this run by those of the last ones. */
export function judgeFlaky(given: readonly string[], record: readonly RecordedRun[]): Judgement {
  const names = [...new Set(given)].sort();
  const recent = record.slice(-RUNS);
  const earlier = (name: string): RecordedRun | undefined => recent.findLast((run) => run.names.includes(name));
  const again = names.filter((name) => earlier(name) !== undefined);
  const lines = [`needed a second try: ${names.length}`];
  for (const name of names) {
    const run = earlier(name);
    lines.push(run === undefined ? `  first time  ${name}` : `  AGAIN       ${name} (${run.date}, ${run.commit})`);
  }
  const runs = `the last ${RUNS} runs of test/flaky.json`;
  if (again.length > 0)
    lines.push(`  WRONG  ${again.length} of them already did within ${runs}: repair, do not run again`);
  if (names.length > HANDFUL) lines.push(`  WRONG  more than ${HANDFUL} in one run are no bad luck`);
  return { lines, failed: again.length > 0 || names.length > HANDFUL };
}

/** The line by which this run is recorded. */
export function lineFor(run: RecordedRun): string {
  return JSON.stringify({ ...run, names: [...new Set(run.names)].sort() });
}

/** Throws if the record is not what it should be: one that cannot be read would excuse everything. */
export function parseRecord(text: string): RecordedRun[] {
  const record = JSON.parse(text) as unknown;
  if (!Array.isArray(record)) throw new Error('test/flaky.json is not a list');
  for (const [index, run] of (record as Partial<RecordedRun>[]).entries()) {
    const isWhole = typeof run.date === 'string' && typeof run.commit === 'string' && Array.isArray(run.names);
    if (!isWhole || !run.names.every((name) => typeof name === 'string'))
      throw new Error(`test/flaky.json: entry ${index + 1} is not { date, commit, names }`);
  }
  return record as RecordedRun[];
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = readFileSync(process.argv[2]!, 'utf8').split('\n').filter(Boolean);
  const record = parseRecord(readFileSync(new URL('../flaky.json', import.meta.url), 'utf8'));
  const { lines, failed } = judgeFlaky(names, record);
  for (const line of lines) console.log(line);
  const run = { date: new Date().toISOString().slice(0, 10), commit: commit(), names };
  console.log(`  to record this run, add to test/flaky.json: ${lineFor(run)}`);
  process.exitCode = failed ? 1 : 0;
}
