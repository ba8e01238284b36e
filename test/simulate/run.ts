import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { playBlock, type Block, type BlockResult, type Broken } from './block.ts';
import { historyOf, play, shrink } from './simulate.ts';

const HELP = `npm run simulate -- [options]

Plays random histories of several processes, accounts, a store and token endpoints with the real renewal code, and
checks the rules of docs/simulation.md. One seed is one history.

  --histories N   how many (20000)
  --seed N        the first seed (1); the others follow it
  --jobs N        processes to play them in (one for each core)
  --replay N      plays the history of one seed and prints it
  --short         with --replay: the shortest part of it that still breaks a rule
  --night         1,000,000 histories
  --help
`;

const { values } = parseArgs({
  options: {
    histories: { type: 'string' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string' },
    replay: { type: 'string' },
    short: { type: 'boolean', default: false },
    night: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const BLOCK = 250;
const PROGRESS_EVERY = 50_000;
/** More broken rules than this are one fault. */
const MAX_BROKEN = 20;

async function replay(seed: number): Promise<number> {
  const history = historyOf(seed);
  process.stdout.write(`${JSON.stringify(history.options)}\n`);
  const print = (line: string): void => void process.stdout.write(line);
  const result = await play(values.short ? await shrink(history) : history, print);
  process.stdout.write(`${result.violation ?? 'no rule broken'}\ndigest ${result.digest}, ${result.steps} steps\n`);
  return result.violation === undefined ? 0 : 1;
}

/** Hands blocks of seeds to processes of this program. Returns an exit code. */
async function playAll(first: number, count: number, jobs: number): Promise<number> {
  const started = performance.now();
  const seconds = (): string => ((performance.now() - started) / 1_000).toFixed(0);
  const sum = { histories: 0, steps: 0, judged: 0, requests: 0, served: 0 };
  const broken: Broken[] = [];
  let next = first;
  const take = (): Block | undefined => {
    if (next >= first + count || broken.length >= MAX_BROKEN) return undefined;
    const block = { from: next, count: Math.min(BLOCK, first + count - next) };
    next += block.count;
    return block;
  };
  const add = (block: Block, result: BlockResult): void => {
    const before = Math.floor(sum.histories / PROGRESS_EVERY);
    sum.histories += block.count;
    for (const key of ['steps', 'judged', 'requests', 'served'] as const) sum[key] += result[key];
    for (const { seed, violation, short } of result.broken)
      process.stdout.write(`seed ${seed}: ${violation}\n  ${short}\n`);
    broken.push(...result.broken);
    if (Math.floor(sum.histories / PROGRESS_EVERY) > before && sum.histories < count)
      process.stdout.write(`${sum.histories} histories, ${broken.length} broken, ${seconds()} s\n`);
  };
  const children = Array.from({ length: jobs }, () =>
    fork(import.meta.filename, { env: { ...process.env, PLAY: '1' } }),
  );
  try {
    await Promise.all(children.map((child) => feed(child, take, add)));
  } finally {
    for (const child of children) child.kill();
  }
  const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
  process.stdout.write(
    `seeds ${first} to ${next - 1}: ${sum.steps} steps, ${percent(sum.judged, sum.steps)} judged by every rule, ` +
      `${sum.requests} requests, ${percent(sum.served, sum.requests)} served, ${seconds()} s\n`,
  );
  process.stdout.write(`simulate: ${sum.histories - broken.length} passed, ${broken.length} failed\n`);
  return broken.length === 0 ? 0 : 1;
}

async function feed(
  child: ChildProcess,
  take: () => Block | undefined,
  add: (block: Block, result: BlockResult) => void,
): Promise<void> {
  for (let block = take(); block !== undefined; block = take()) {
    const result = await new Promise<BlockResult>((resolve, reject) => {
      const died = (code: number | null): void => reject(new Error(`a process of the simulation ended with ${code}`));
      child.once('exit', died);
      child.once('message', (message) => {
        child.off('exit', died);
        resolve(message as BlockResult);
      });
      child.send(block);
    });
    add(block, result);
  }
}

// Thousands of refusals a second, and nobody reads where they came from.
Error.stackTraceLimit = values.replay === undefined ? 0 : 10;

if (process.env.PLAY === '1') {
  process.on('message', (block: Block) => void playBlock(block).then((result) => process.send!(result)));
} else if (values.help) {
  process.stdout.write(HELP);
} else if (values.replay !== undefined) {
  process.exitCode = await replay(Number(values.replay));
} else {
  const count = Number(values.histories ?? (values.night ? 1_000_000 : 20_000));
  process.exitCode = await playAll(Number(values.seed), count, Number(values.jobs ?? availableParallelism()));
}
