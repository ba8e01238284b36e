import { findTool } from '../support/tools.ts';
import { CannotRun } from './options.ts';

/** The path of redis-server, without which the run makes no sense. */
export function needRedis(): string {
  const path = findTool('redis-server');
  if (path === undefined) throw new CannotRun('redis-server is not installed (Debian: apt install redis-server)');
  return path;
}

/** The path of a program without which a part is left out, and said to be; under CI=true that is an error. */
export function toolFor(part: string, name: string): string | undefined {
  const path = findTool(name);
  if (path !== undefined) return path;
  if (process.env['CI'] === 'true') throw new Error(`${name} is not installed, and CI must not leave it out`);
  console.log(`  left out  ${part}: ${name} is not installed`);
  return undefined;
}
