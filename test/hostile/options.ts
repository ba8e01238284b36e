import { parseArgs } from 'node:util';

export const HELP = `npm run verify:hostile -- [options]

Sends a corpus of hostile requests and replies through tokenward (dist/main.js) and, beside it, through http-proxy
1.18.1, and judges by what raw sockets on the other side saw. Then fuzzes, poisons, abandons, floods and starves it.

  --quick        256 MiB instead of 2 GiB, fewer fuzz cases: about three minutes
  --full         every fuzz case instead of a sample: about twenty minutes more
  --only A,D     only these parts: A B C P D E F G H (the corpus, P: must pass), fuzz, poisoning, abandoned, volume, slowloris
  --no-baseline  tokenward alone
  --engine E     what reads requests: fast (default) or express
  --seed N       repeat the random choices of an earlier run
  --verbose      name the baseline's deviations too
  --help         show this
`;

export const CLASSES = ['A', 'B', 'C', 'P', 'D', 'E', 'F', 'G', 'H'] as const;
export type ClassName = (typeof CLASSES)[number];
const TRIALS = ['fuzz', 'poisoning', 'abandoned', 'volume', 'slowloris'] as const;
export type TrialName = (typeof TRIALS)[number];

export interface Options {
  readonly quick: boolean;
  readonly full: boolean;
  readonly baseline: boolean;
  readonly verbose: boolean;
  readonly help: boolean;
  readonly seed: number;
  readonly engine: 'fast' | 'express';
  runs(part: ClassName | TrialName): boolean;
}

export class UsageError extends Error {}

export function parseOptions(args: string[]): Options {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        only: { type: 'string' },
        'no-baseline': { type: 'boolean', default: false },
        seed: { type: 'string' },
        engine: { type: 'string', default: 'fast' },
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'wrong usage');
  }
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!Number.isInteger(seed) || seed < 0) throw new UsageError('--seed must be a whole number');
  const { engine } = values;
  if (engine !== 'fast' && engine !== 'express') throw new UsageError('--engine must be fast or express');
  const only = values.only?.split(',').map((part) => part.trim());
  const known: readonly string[] = [...CLASSES, ...TRIALS];
  const unknown = only?.find((part) => !known.includes(part));
  if (unknown !== undefined) throw new UsageError(`--only does not know "${unknown}"; it knows ${known.join(', ')}`);
  return {
    quick: values.quick,
    full: values.full,
    baseline: !values['no-baseline'],
    verbose: values.verbose,
    help: values.help,
    seed,
    engine,
    runs: (part) => only === undefined || only.includes(part),
  };
}
