import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The files with tests below a folder, without some. */
export function testsIn(folder: string, ...without: readonly RegExp[]): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(folder, name))
    .filter((path) => !without.some((pattern) => pattern.test(path)))
    .sort();
}

/** They start Redis, and a mutant of the token manager needs none to be noticed. */
export const REDIS = /\/(redis-[a-z-]+|replicas\/.*)\.test\.ts$/;

/** They run the program in processes of its own, which no mutant reaches. */
export const OTHER_PROCESSES = /\/(two-containers-one-folder|store-is-read-and-written|several-processes.*)\.test\.ts$/;

/** Their tests look at what went on for seconds before the first of them. */
export const REAL_TIME = /\/(one-odd-answer-costs-no-caller|one-login-heals-a-failing-refresh)\.test\.ts$/;
