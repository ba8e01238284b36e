import { parseArgs } from 'node:util';
import { LOADS, type Load } from './load.ts';

export const HELP = `npm run bench -- [options]

Runs tokenward and its peers side by side and compares the CPU time they spend per request.

  --quick        under a minute: the three that matter, two loads, a few rounds. Without it: all, about twenty minutes
  --rounds N     at most so many rounds (default: 12, or as many as fit into a minute with --quick)
  --only a,b     only these contenders (the reference, nginx, is added)
  --loads a,b    only these loads: ${LOADS.map(({ key, name }) => `${key} (${name})`).join(', ')}
  --against DIR  another checkout of tokenward, already built, as one more contender; may be repeated
  --cpu-prof DIR write a CPU profile of tokenward there (its figures are then not comparable)
  --json FILE    write everything, raw bursts included
  --svg FILE     draw the chart of docs/benchmarks.md
  --markdown     print the table of docs/benchmarks.md as well
  --list         say which contenders there are, and which cannot run here
  --help         show this
`;

export interface Options {
  readonly quick: boolean;
  readonly rounds: number;
  /** No round begins that would not be over so many seconds after the start. */
  readonly seconds: number;
  readonly only: ReadonlySet<string> | undefined;
  readonly loads: readonly Load[];
  readonly against: readonly string[];
  readonly cpuProf: string | undefined;
  readonly json: string | undefined;
  readonly svg: string | undefined;
  readonly markdown: boolean;
  readonly list: boolean;
  readonly help: boolean;
}

export class UsageError extends Error {}

export function parseOptions(args: string[]): Options {
  let values;
  try {
    ({ values } = parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        only: { type: 'string' },
        loads: { type: 'string' },
        against: { type: 'string', multiple: true, default: [] },
        'cpu-prof': { type: 'string' },
        json: { type: 'string' },
        svg: { type: 'string' },
        markdown: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'wrong usage');
  }
  const rounds = Number(values.rounds ?? (values.quick ? 30 : 12));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1_000) throw new UsageError('--rounds must be 1 to 1000');
  return {
    quick: values.quick,
    rounds,
    seconds: values.quick ? 44 : 3_600,
    only: values.only === undefined ? undefined : new Set(values.only.split(',').map((name) => name.trim())),
    loads: chosenLoads(values.loads, values.quick),
    against: values.against,
    cpuProf: values['cpu-prof'],
    json: values.json,
    svg: values.svg,
    markdown: values.markdown,
    list: values.list,
    help: values.help,
  };
}

function chosenLoads(names: string | undefined, quick: boolean): readonly Load[] {
  if (names === undefined) return LOADS.filter((load) => load.quick || !quick);
  const wanted = names.split(',').map((name) => name.trim());
  const unknown = wanted.find((name) => !LOADS.some(({ key }) => key === name));
  if (unknown !== undefined)
    throw new UsageError(`there is no load "${unknown}"; there are: ${LOADS.map(({ key }) => key).join(', ')}`);
  return LOADS.filter(({ key }) => wanted.includes(key));
}
