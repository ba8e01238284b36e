import { HELP_OPTION, parseValues, seedOf, UsageError } from '../../harness/options.ts';
import { runProgram } from '../../harness/program.ts';
import { randomFrom } from '../../harness/random.ts';
import { soakEmbedded } from './embedded/soak.ts';

const HELP = `npm run soak -- [options]

Two tokenwards over one store, a token that lives two seconds, a token endpoint with strict rotation. One of the two is
killed again and again, at random moments; faults come over the links at random. Ends with a verdict: do the ledgers
add up, and do memory, descriptors and event-loop lag of the one that lives stay flat?

  --minutes N  how long (default 5)
  --seed N     repeat the random choices of an earlier run, as far as the machine allows
  --help       show this
`;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly help: boolean;
}

function parseOptions(args: string[]): Options {
  const values = parseValues(args, {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string' },
    ...HELP_OPTION,
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new UsageError('--minutes must be a number above 0');
  return { minutes, seed: seedOf(values.seed), help: values.help };
}

await runProgram('soak', HELP, parseOptions, ({ minutes, seed }) => {
  console.log(`seed ${seed}, Node ${process.version}, ${minutes} min`);
  return soakEmbedded(minutes, randomFrom(seed));
});
