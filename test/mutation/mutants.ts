import { mkdirSync, rmSync } from 'node:fs';
import { Stryker } from '@stryker-mutator/core';
import { CannotRun, UsageError } from '../harness/options.ts';
import { messageOf } from '../harness/tally.ts';
import './mocha-12.ts';
import type { Part } from './options.ts';
import { butSlowTests } from './slow-tests.ts';

export type Mutant = Awaited<ReturnType<Stryker['runMutationTest']>>[number];

/** Where reports go, and the copy of the project that is mutated. Git ignores it. */
export const FOLDER = '.mutation';
const NODE_ARGS = ['--import=tsx', '--import=./test/mutation/mocha-12.ts'];

/** Mutates these files and runs the group's tests. */
export async function runMutants({ group, files }: Part, jobs: number, again: boolean): Promise<Mutant[]> {
  const folder = `${FOLDER}/${group.name}`;
  mkdirSync(folder, { recursive: true });
  if (!again) rmSync(`${folder}/last.json`, { force: true });
  const options = {
    mutate: [...files],
    testRunner: 'mocha',
    plugins: ['@stryker-mutator/mocha-runner', './test/mutation/texts.ts'],
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
    incremental: true,
    incrementalFile: `${folder}/last.json`,
    tempDirName: `${FOLDER}/copy-${group.name}`,
    ignorePatterns: ['dist', 'data', 'docs', 'helm', 'deploy', 'bench', FOLDER],
    disableTypeChecks: false,
    allowConsoleColors: false,
    logLevel: 'warn',
    reporters: ['html', 'json', 'progress-append-only'],
    htmlReporter: { fileName: `${folder}/report.html` },
    jsonReporter: { fileName: `${folder}/report.json` },
  } satisfies Record<string, unknown>;
  try {
    return await new Stryker(options as unknown as ConstructorParameters<typeof Stryker>[0]).runMutationTest();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new CannotRun(`Stryker gave up on ${group.name}: ${messageOf(error)}`);
  }
}
