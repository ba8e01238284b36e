import { execFileSync } from 'node:child_process';

/** A program of the distribution is missing. */
export class MissingProgram extends Error {}

/** The path of a program this run needs. */
export function program(name: string): string {
  try {
    return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
  } catch {
    throw new MissingProgram(`${name} is not installed (Debian: apt install redis-server)`);
  }
}
