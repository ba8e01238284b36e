import { STORE_WRITE_MS } from '../deadlines.ts';
import type { Report } from './issues.ts';
import type { Config } from './schema.ts';

/** A write to Redis may take two commands: itself, and WAIT for replicas. ms. */
const MAX_COMMAND_MS = STORE_WRITE_MS / 2;

/** Warns of a store whose writes may take longer than they are waited for. */
export function warnOfSlowWrites({ store }: Pick<Config, 'store'>, report: Report): void {
  if (store.type !== 'redis' || store.commandTimeout <= MAX_COMMAND_MS) return;
  const why =
    'requests wait that long for each command while Redis is unreachable, and a stop waits for no slower write';
  report(
    ['store', 'commandTimeout'],
    `is more than ${MAX_COMMAND_MS / 1000} s: ${why}, so a token renewed just then may be lost`,
  );
}
