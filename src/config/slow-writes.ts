import { STORE_WRITE_MS } from '../deadlines.ts';
import type { Say } from './mistakes.ts';
import type { Config } from './schema.ts';

/** A write to Redis may take two commands' time: itself, and waiting for replicas. ms. */
const COMMAND_MOST = STORE_WRITE_MS / 2;

/** Warns of a store that may take longer than whoever waits for it does. */
export function warnOfSlowWrites({ store }: Pick<Config, 'store'>, say: Say): void {
  if (store.type !== 'redis' || store.commandTimeout <= COMMAND_MOST) return;
  const why = 'callers wait so long for each command while Redis is away, and a stop waits for no slower write';
  say(
    ['store', 'commandTimeout'],
    `is more than ${COMMAND_MOST / 1000} s: ${why}, so a token renewed just then may be lost`,
  );
}
