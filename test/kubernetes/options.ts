import { HELP_OPTION, parseValues, partsOf } from '../harness/options.ts';
import { GOLDEN } from './golden.ts';
import { PARTS } from './parts/all.ts';

export const HELP = `npm run verify:kubernetes -- [options]

Holds the Helm chart to a real Kubernetes API server, to real packets, and to what it rendered before.

  --full       also what takes longer: examples, rolling upgrades, and the API server, which is built from its Go
               modules once (half an hour of one core) and kept in $TOKENWARD_KUBE_CACHE, or
               ~/.cache/tokenward-kubernetes. Where it is kept already, every run uses it
  --only a,b   only these: ${PARTS.map(({ name }) => name).join(', ')}
  --write-golden
               only: write the golden files (${GOLDEN}) anew, and name those that changed; look at the changes
  --help       show this
`;

export interface Options {
  readonly full: boolean;
  readonly help: boolean;
  readonly writeGolden: boolean;
  /** The parts that were asked for by name. */
  readonly only: string | undefined;
  runs(name: string): boolean;
}

export function parseOptions(args: string[]): Options {
  const {
    full,
    help,
    only,
    'write-golden': writeGolden,
  } = parseValues(args, {
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    'write-golden': { type: 'boolean', default: false },
    ...HELP_OPTION,
  });
  const known = PARTS.map(({ name }) => name);
  return { full, help, writeGolden, only, runs: partsOf(only, known) };
}
