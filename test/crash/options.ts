import { HELP_OPTION, parseValues, partsOf } from '../harness/options.ts';

export const HELP = `npm run verify:crash -- [options]

Kills tokenward at every moment of a renewal, breaks its links, its disk and its clocks, starts it anew, and judges by
joining three ledgers: the callers', the upstream's and the token endpoint's. Closes with "crash: N passed, N failed".

  --full      the nightly counts: 2,400 kills, five minutes of crash loop: about two hours
  --only A,B  only these parts: matrix (kill -9), faults (links), disk, scenarios
  --help      show this
`;

export const PARTS = ['matrix', 'faults', 'disk', 'scenarios'] as const;
export type Part = (typeof PARTS)[number];

export interface Options {
  readonly full: boolean;
  readonly help: boolean;
  runs(part: Part): boolean;
}

export function parseOptions(args: string[]): Options {
  const { full, help, only } = parseValues(args, {
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    ...HELP_OPTION,
  });
  return { full, help, runs: partsOf(only, PARTS) };
}
