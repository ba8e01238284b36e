import { HELP_OPTION, parseValues, seedOf, UsageError } from '../../harness/options.ts';
import { runProgram } from '../../harness/program.ts';
import { randomFrom } from '../../harness/random.ts';
import { Tally } from '../../harness/tally.ts';
import { soakEmbedded } from './embedded/soak.ts';
import { judgeFigures } from './redis/figures.ts';
import { readSamples } from './redis/samples.ts';
import { soakOverRedis } from './redis/soak.ts';

const HELP = `npm run soak -- [options]

Several tokenwards over one store, short-lived tokens, a token endpoint with strict rotation; kills, and faults of links,
at random moments. Ends with a verdict: do the ledgers add up, and do memory, descriptors and event-loop delay of what
lives stay flat?

  --minutes N   how long (default 5)
  --store S     embedded (default): two tokenwards, one of which is killed again and again
                redis: three tokenwards with workers, kills, reloads, evictions, a dead account and one whose token
                endpoint is down; what grows is judged from 60 minutes on
  --workers N   of each tokenward over Redis (default 2)
  --figures F   only judge the figures of an earlier run over Redis of --minutes N by its samples.jsonl, or of its first
                N minutes
  --seed N      repeat the random choices of an earlier run, as far as the machine allows
  --help        show this
`;

interface Options {
  readonly minutes: number;
  readonly store: 'embedded' | 'redis';
  readonly workers: number;
  readonly seed: number;
  readonly figures: string | undefined;
  readonly help: boolean;
}

function parseOptions(args: string[]): Options {
  const values = parseValues(args, {
    minutes: { type: 'string', default: '5' },
    store: { type: 'string', default: 'embedded' },
    workers: { type: 'string', default: '2' },
    figures: { type: 'string' },
    seed: { type: 'string' },
    ...HELP_OPTION,
  });
  const { store, figures } = values;
  const [minutes, workers] = [Number(values.minutes), Number(values.workers)];
  if (!(minutes > 0)) throw new UsageError('--minutes must be a number above 0');
  if (store !== 'embedded' && store !== 'redis') throw new UsageError('--store must be embedded or redis');
  if (!(Number.isInteger(workers) && workers >= 2)) throw new UsageError('--workers must be a whole number from 2 on');
  return { minutes, store, workers, figures, seed: seedOf(values.seed), help: values.help };
}

await runProgram('soak', HELP, parseOptions, async ({ minutes, store, workers, figures, seed }) => {
  if (figures !== undefined) {
    const tally = new Tally();
    judgeFigures(readSamples(figures), minutes, tally);
    return tally.close('soak');
  }
  console.log(`seed ${seed}, Node ${process.version}, ${minutes} min, ${store}`);
  const random = randomFrom(seed);
  return store === 'redis' ? soakOverRedis(minutes, workers, random) : soakEmbedded(minutes, random);
});
