import { HELP_OPTION, parseValues, seedOf, UsageError } from '../harness/options.ts';
import { TARGETS } from './targets/all.ts';

export const HELP = `npm run fuzz -- [options]

Feeds changed inputs to what reads foreign bytes and checks the rules of docs/fuzzing.md, guided by coverage. What
breaks a rule is written to test/fuzz/found, where npm test reads it from then on. Closes with
"fuzz: N passed, N failed", one for each target.

  --target A,B   only these: ${Object.keys(TARGETS).join(', ')}
  --seconds N    for each target (60)
  --night        one hour for each target
  --jobs N       targets at a time (2)
  --seed N       repeat the choices of an earlier run; how far it gets depends on the machine
  --keep         make the corpus in test/fuzz/corpus anew from what it was and what this run has found
  --help         show this
`;

export interface Options {
  readonly help: boolean;
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly jobs: number;
  readonly seed: number;
  readonly keep: boolean;
}

const NIGHT_SECONDS = 3_600;

export function parseOptions(args: string[]): Options {
  const values = parseValues(args, {
    target: { type: 'string' },
    seconds: { type: 'string' },
    night: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
    ...HELP_OPTION,
  });
  const known = Object.keys(TARGETS);
  const targets = values.target?.split(',').map((name) => name.trim()) ?? known;
  const unknown = targets.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`--target does not know "${unknown}"; it knows ${known.join(', ')}`);
  return {
    help: values.help,
    targets,
    seconds: wholeNumber('--seconds', values.seconds ?? String(values.night ? NIGHT_SECONDS : 60)),
    jobs: wholeNumber('--jobs', values.jobs),
    seed: seedOf(values.seed),
    keep: values.keep,
  };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new UsageError(`${option} must be a whole number of 1 or more`);
  return value;
}
