import { HELP_OPTION, parseValues, partsOf, seedOf, UsageError } from '../harness/options.ts';

export const HELP = `npm run verify:hostile -- [options]

Sends a corpus of hostile requests and replies through tokenward (dist/main.js) and, beside it, through http-proxy
1.18.1, and judges by what raw sockets on the other side saw. Then fuzzes, poisons, abandons, floods and starves it.

  --quick        256 MiB instead of 2 GiB, fewer fuzz cases: about three minutes
  --full         every fuzz case instead of a sample: about twenty minutes more
  --only A,D     only these parts: A B C P D E F G H T (the corpus, P: must pass), fuzz, poisoning, abandoned, volume, slowloris
  --no-baseline  tokenward alone
  --engine E     what reads requests: fast (default) or express
  --tls          callers speak TLS; without volume and slowloris
  --seed N       repeat the random choices of an earlier run
  --verbose      name the baseline's deviations too
  --help         show this
`;

export const CLASSES = ['A', 'B', 'C', 'P', 'D', 'E', 'F', 'G', 'H', 'T'] as const;
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
  /** Callers of tokenward speak TLS. */
  readonly tls: boolean;
  runs(part: ClassName | TrialName): boolean;
}

export function parseOptions(args: string[]): Options {
  const values = parseValues(args, {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    'no-baseline': { type: 'boolean', default: false },
    seed: { type: 'string' },
    engine: { type: 'string', default: 'fast' },
    tls: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    ...HELP_OPTION,
  });
  const { quick, full, verbose, help, engine, tls } = values;
  const seed = seedOf(values.seed);
  if (engine !== 'fast' && engine !== 'express') throw new UsageError('--engine must be fast or express');
  const asked = partsOf(values.only, [...CLASSES, ...TRIALS]);
  // These two have connections of their own, and say nothing about how a message is read.
  const runs: Options['runs'] = (part) => asked(part) && !(tls && (part === 'volume' || part === 'slowloris'));
  return { quick, full, baseline: !values['no-baseline'], verbose, help, seed, engine, tls, runs };
}
