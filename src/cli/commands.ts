import { ca } from './ca.ts';
import { check } from './check.ts';
import { connect } from './connect.ts';
import { env } from './env.ts';
import { flow } from './flow.ts';
import { hashKey } from './hash-key.ts';
import { importAccount } from './import.ts';
import type { Options } from './options.ts';
import { rekey } from './rekey.ts';
import { run } from './run/run.ts';
import { renew } from './renew.ts';
import { sandbox } from './sandbox.ts';
import { schema } from './schema.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';
import { store } from './store.ts';

/** A command; `argument`: the word after its name, for `WITH_ARGUMENT`; `second`: the one after that. */
type Command = (options: Options, argument: string | undefined, second: string | undefined) => Promise<void> | void;

/** The commands by name, in the order of the help. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['serve', serve],
  ['run', run],
  ['env', env],
  ['check', check],
  ['sandbox', sandbox],
  ['status', status],
  ['renew', renew],
  ['import', importAccount],
  ['connect', connect],
  ['rekey', rekey],
  ['store', store],
  ['ca', ca],
  ['flow', flow],
  ['hash-key', hashKey],
  ['schema', schema],
]);

/** Commands with an argument. */
export const WITH_ARGUMENT: readonly string[] = ['renew', 'import', 'connect', 'store', 'ca'];

/** Commands with two. */
export const WITH_TWO_ARGUMENTS: readonly string[] = ['flow'];
