import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Stryker } from '@stryker-mutator/core';
import { CannotRun, UsageError } from '../harness/options.ts';
import { messageOf } from '../harness/tally.ts';
import './mocha-12.ts';
import type { Part } from './options.ts';
import { butSlowTests } from './slow-tests.ts';
import { tested, type Mutant } from './tested.ts';

/** Where reports go, and the copy of the project that is mutated. Git ignores it. */
export const FOLDER = '.mutation';
const NODE_ARGS = ['--import=tsx', '--import=./test/mutation/mocha-12.ts'];

/** When a run has to end. */
export interface Limit {
  /** By performance.now(); undefined: never. */
  readonly until: number | undefined;
}

/** Mutates these files and runs the group's tests. Past the limit: the mutants that ran until then. */
export async function runMutants(
  { group, mutate }: Part,
  jobs: number,
  again: boolean,
  { until }: Limit,
): Promise<readonly Mutant[]> {
  const folder = `${FOLDER}/${group.name}`;
  mkdirSync(folder, { recursive: true });
  if (!again) rmSync(`${folder}/last.json`, { force: true });
  const options = {
    mutate: [...mutate],
    testRunner: 'mocha',
    plugins: ['@stryker-mutator/mocha-runner', './test/mutation/texts.ts', './test/mutation/tested.ts'],
    ignorers: ['texts'],
    testRunnerNodeArgs: NODE_ARGS,
    checkerNodeArgs: NODE_ARGS,
    mochaOptions: {
      'no-config': true,
      'no-package': true,
      require: ['./test/mutation/deadline.ts'],
      spec: [...group.tests],
      grep: butSlowTests(),
    },
    coverageAnalysis: 'perTest',
    concurrency: jobs,
    // Beside what the tests of the mutant took without it; an endless loop is noticed by the count of its turns.
    timeoutMS: 3_000,
    // A test that fails may leave a socket or a timer behind.
    maxTestRunnerReuse: 200,
    // A run that is cut short leaves nothing to go on with.
    incremental: until === undefined,
    incrementalFile: `${folder}/last.json`,
    tempDirName: `${FOLDER}/copy-${group.name}`,
    ignorePatterns: ['dist', 'data', 'docs', 'helm', 'deploy', 'bench', FOLDER],
    disableTypeChecks: false,
    allowConsoleColors: false,
    logLevel: 'warn',
    reporters: ['html', 'json', 'progress-append-only', 'tested'],
    htmlReporter: { fileName: `${folder}/report.html` },
    jsonReporter: { fileName: `${folder}/report.json` },
  } satisfies Record<string, unknown>;
  tested.length = 0;
  const run = new Stryker(options as unknown as ConstructorParameters<typeof Stryker>[0]).runMutationTest();
  try {
    return until === undefined ? await run : await orUntil(run, until, options.tempDirName);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new CannotRun(`Stryker gave up on ${group.name}: ${messageOf(error)}`);
  }
}

/** Stryker cannot be asked to stop: past the limit its processes are ended, and what it has reported counts. */
async function orUntil(run: Promise<Mutant[]>, until: number, copy: string): Promise<readonly Mutant[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, until - performance.now()));
  });
  const all = await Promise.race([run, late]);
  clearTimeout(timer);
  if (all !== undefined) return all;
  const found = [...tested];
  // It would start others in place of those that end; this process ends soon, and nothing of it is waited for.
  run.catch(() => undefined);
  for (const pid of descendants(process.pid)) end(pid);
  rmSync(copy, { recursive: true, force: true });
  return found;
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** The processes below one, by what Linux says; elsewhere none, and they end with their parent. */
export function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  try {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const stat = statOf(pid);
      if (stat !== undefined) parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    }
  } catch {
    return [];
  }
  const below = (one: number): number[] =>
    [...parents].filter(([, parent]) => parent === one).flatMap(([pid]) => [pid, ...below(pid)]);
  return below(root);
}

function statOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
}
