import { parseArgs, type ParseArgsConfig } from 'node:util';

/** The command line is wrong; `message` says how. */
export class UsageError extends Error {}

/** The run cannot go on, for a reason its reader should know. */
export class CannotRun extends Error {}

export const HELP_OPTION = { help: { type: 'boolean', short: 'h', default: false } } as const;

type OptionsConfig = NonNullable<ParseArgsConfig['options']>;
type Values<T extends OptionsConfig> = ReturnType<typeof parseArgs<{ args: string[]; options: T }>>['values'];

/** The values of the options on a command line. Throws a UsageError. */
export function parseValues<T extends OptionsConfig>(args: string[], options: T): Values<T> {
  try {
    return parseArgs<{ args: string[]; options: T }>({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'wrong usage');
  }
}

/** The value of `--seed`, or a seed of its own. */
export function seedOf(text: string | undefined): number {
  const seed = Number(text ?? Math.floor(Math.random() * 2 ** 31));
  if (!Number.isInteger(seed) || seed < 0) throw new UsageError('--seed must be a whole number');
  return seed;
}

/** Which parts `--only` asks for; all of them if it is not given. */
export function partsOf<P extends string>(only: string | undefined, known: readonly P[]): (part: P) => boolean {
  const asked = only?.split(',').map((part) => part.trim());
  const unknown = asked?.find((part) => !(known as readonly string[]).includes(part));
  if (unknown !== undefined) throw new UsageError(`--only does not know "${unknown}"; it knows ${known.join(', ')}`);
  return (part) => asked === undefined || asked.includes(part);
}
