import { HELP_OPTION, parseValues, partsOf } from '../harness/options.ts';
import { SCENARIOS } from './scenarios/all.ts';

export const HELP = `npm run verify:replicas -- [options]

Runs several tokenwards (dist/main.js) over one real Redis, disturbs them, and judges by what the upstream, its token
endpoint and the callers saw. About six minutes.

  --full       the large counts: 500 expiries, 50 failovers each, 20 rolling restarts: about forty minutes
  --only a,b   only these: ${SCENARIOS.map(({ name }) => name).join(', ')}
  --help       show this
`;

export interface Options {
  readonly full: boolean;
  readonly help: boolean;
  runs(name: string): boolean;
}

export function parseOptions(args: string[]): Options {
  const { full, help, only } = parseValues(args, {
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    ...HELP_OPTION,
  });
  const known = SCENARIOS.map(({ name }) => name);
  return { full, help, runs: partsOf(only, known) };
}
