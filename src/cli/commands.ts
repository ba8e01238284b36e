import { check } from './check.ts';
import { hashKey } from './hash-key.ts';
import { importAccount } from './import.ts';
import type { Options } from './options.ts';
import { rekey } from './rekey.ts';
import { renew } from './renew.ts';
import { sandbox } from './sandbox.ts';
import { schema } from './schema.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';
import { store } from './store.ts';

/** A command; `word`: what stands behind its name, where something may. */
type Command = (options: Options, argument: string | undefined) => Promise<void> | void;

/** The commands by their names, in the order of the help. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['serve', serve],
  ['check', check],
  ['sandbox', sandbox],
  ['status', status],
  ['renew', renew],
  ['import', importAccount],
  ['rekey', rekey],
  ['store', store],
  ['hash-key', hashKey],
  ['schema', schema],
]);

/** Those that are told by a word behind their name what they are about. */
export const WITH_ARGUMENT: readonly string[] = ['renew', 'import', 'store'];
