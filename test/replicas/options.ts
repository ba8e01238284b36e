import { parseArgs } from 'node:util';
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

export class UsageError extends Error {}

export function parseOptions(args: string[]): Options {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        full: { type: 'boolean', default: false },
        only: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'wrong usage');
  }
  const only = values.only?.split(',').map((part) => part.trim());
  const known = SCENARIOS.map(({ name }) => name);
  const unknown = only?.find((part) => !known.includes(part));
  if (unknown !== undefined) throw new UsageError(`--only does not know "${unknown}"; it knows ${known.join(', ')}`);
  return { full: values.full, help: values.help, runs: (name) => only === undefined || only.includes(name) };
}
