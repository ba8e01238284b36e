import { runProgram } from '../harness/program.ts';
import { Tally } from '../harness/tally.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { SCENARIOS } from './scenarios/all.ts';
import type { Scenario } from './scenario.ts';

/** Everything, in order; the exit code. */
async function main(options: Options): Promise<number> {
  const tally = new Tally();
  const chosen = SCENARIOS.filter(({ name }) => options.runs(name));
  const carry = async (scenario: Scenario): Promise<void> => {
    const start = performance.now();
    await tally.attempt(scenario.name, async () => {
      const line = await scenario.run(tally, options.full);
      console.log(`${scenario.name}: ${line} (${Math.round((performance.now() - start) / 1000)} s)`);
    });
  };
  // What mostly waits does so beside the others, which come one after the other: there may be two cores only.
  const waiting = Promise.all(chosen.filter(({ waits }) => waits === true).map(carry));
  waiting.catch(() => undefined);
  for (const scenario of chosen.filter(({ waits }) => waits !== true)) await carry(scenario);
  await waiting;
  return tally.close('replicas');
}

await runProgram('replicas', HELP, parseOptions, main);
