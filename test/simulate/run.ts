import { parseArgs } from 'node:util';
import { historyOf, play, shrink } from './simulate.ts';

const HELP = `npm run simulate -- [options]

Plays random histories of several processes, accounts, a store and token endpoints with the real renewal code, and
checks the rules of docs/reliability.md. One seed is one history.

  --histories N   how many (20000)
  --seed N        the first seed (1); the others follow it
  --replay N      plays the history of one seed and prints it
  --short         with --replay: the shortest part of it that still breaks a rule
  --night         1,000,000 histories
  --help
`;

const { values } = parseArgs({
  options: {
    histories: { type: 'string' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    short: { type: 'boolean', default: false },
    night: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

// Thousands of refusals a second, and nobody reads where they came from.
Error.stackTraceLimit = values.replay === undefined ? 0 : 10;

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.replay !== undefined) {
    const history = historyOf(Number(values.replay));
    process.stdout.write(`${JSON.stringify(history.options)}\n`);
    const print = (line: string): void => void process.stdout.write(line);
    const result = await play(values.short ? await shrink(history) : history, print);
    process.stdout.write(`${result.violation ?? 'no rule broken'}\ndigest ${result.digest}, ${result.steps} steps\n`);
    return result.violation === undefined ? 0 : 1;
  }
  const count = values.histories === undefined ? (values.night ? 1_000_000 : 20_000) : Number(values.histories);
  const first = Number(values.seed);
  const started = performance.now();
  let [steps, judged, requests, served, failed] = [0, 0, 0, 0, 0];
  for (let seed = first; seed < first + count; seed += 1) {
    const history = historyOf(seed);
    const result = await play(history);
    steps += result.steps;
    judged += result.judged;
    requests += result.requests;
    served += result.served;
    if (result.violation === undefined) continue;
    failed += 1;
    process.stdout.write(`seed ${seed}: ${result.violation}\n`);
    const short = await shrink(history);
    process.stdout.write(
      `  ${short.options.store}, ${short.options.processes} processes: ${short.script.join('; ')}\n`,
    );
    if (failed >= 10) break;
  }
  const seconds = (performance.now() - started) / 1_000;
  process.stdout.write(
    `seeds ${first} to ${first + count - 1}: ${steps} steps, ${((100 * judged) / steps).toFixed(1)} % judged by every rule, ` +
      `${requests} requests, ${((100 * served) / requests).toFixed(1)} % served, ${seconds.toFixed(0)} s\n`,
  );
  process.stdout.write(`simulate: ${count - failed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
