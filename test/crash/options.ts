import { parseArgs } from 'node:util';

export const HELP = `npm run verify:crash -- [options]

Kills tokenward at every moment of a renewal, breaks its links, its disk and its clocks, starts it anew, and judges by
joining three ledgers: the callers', the upstream's and the token endpoint's. Closes with "crash: N passed, N failed".

  --full      the nightly counts: 2,400 kills, 100,000 runs of the model, five minutes of crash loop: about two hours
  --only A,B  only these parts: matrix (kill -9), faults (links), disk, scenarios, model
  --seed N    repeat the model's runs of an earlier time
  --help      show this
`;

export const PARTS = ['matrix', 'faults', 'disk', 'scenarios', 'model'] as const;
export type Part = (typeof PARTS)[number];

export interface Options {
  readonly full: boolean;
  readonly help: boolean;
  readonly seed: number;
  runs(part: Part): boolean;
}

export class UsageError extends Error {}

export function parseOptions(args: string[]): Options {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        full: { type: 'boolean', default: false },
        only: { type: 'string' },
        seed: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'wrong usage');
  }
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  if (!Number.isInteger(seed) || seed < 0) throw new UsageError('--seed must be a whole number');
  const only = values.only?.split(',').map((part) => part.trim());
  const unknown = only?.find((part) => !(PARTS as readonly string[]).includes(part));
  if (unknown !== undefined) throw new UsageError(`--only does not know "${unknown}"; it knows ${PARTS.join(', ')}`);
  return { full: values.full, help: values.help, seed, runs: (part) => only === undefined || only.includes(part) };
}
