import { HELP, parseOptions, UsageError, type Options } from './options.ts';
import { MissingProgram } from './programs.ts';
import { killAll } from './replica.ts';
import { SCENARIOS } from './scenarios/all.ts';
import type { Scenario } from './scenario.ts';
import { Tally } from './tally.ts';

/** Everything, in order; the exit code. */
async function main(options: Options): Promise<number> {
  const tally = new Tally();
  const chosen = SCENARIOS.filter(({ name }) => options.runs(name));
  const carry = async (scenario: Scenario): Promise<void> => {
    const start = performance.now();
    try {
      const line = await scenario.run(tally, options.full);
      console.log(`${scenario.name}: ${line} (${Math.round((performance.now() - start) / 1000)} s)`);
    } catch (error) {
      if (error instanceof MissingProgram) throw error;
      tally.count(
        scenario.name,
        `could not be carried through: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  // What mostly waits does so beside the others, which come one after the other: there may be two cores only.
  const waiting = Promise.all(chosen.filter(({ waits }) => waits === true).map(carry));
  waiting.catch(() => undefined);
  for (const scenario of chosen.filter(({ waits }) => waits !== true)) await carry(scenario);
  await waiting;
  console.log(`replicas: ${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 ? 0 : 1;
}

// Interrupted: no child may outlive us.
process
  .once('exit', killAll)
  .once('SIGINT', () => process.exit(130))
  .once('SIGTERM', () => process.exit(143));

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof MissingProgram)) throw error;
  console.error(`replicas: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
