import { CannotRun } from '../harness/options.ts';
import { runProgram } from '../harness/program.ts';
import { Tally } from '../harness/tally.ts';
import { findTool } from '../support/tools.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { play, SCENARIOS } from './scenarios.ts';
import { allRecipes, makeProps } from './stage.ts';
import { OWN_FLOWS } from './vendors/own-flows.ts';

/** The recipes, and the ways of logging in that none of them has. */
function allFlows(): string[] {
  return [...allRecipes(), ...OWN_FLOWS.map(({ recipe }) => recipe)];
}

/** Every recipe in every scenario that fits it; the exit code. */
async function main(options: Options): Promise<number> {
  const openssl = findTool('openssl');
  if (openssl === undefined) throw new CannotRun('openssl is not installed (Debian: apt install openssl)');
  const tally = new Tally();
  const props = makeProps(openssl);
  process.once('exit', () => props.remove());
  const vendors = new Map([...props.vendors, ...OWN_FLOWS].map((vendor) => [vendor.recipe, vendor]));
  for (const recipe of allFlows().filter((name) => options.runs(name))) {
    const vendor = vendors.get(recipe);
    if (vendor === undefined) {
      tally.count(recipe, 'no table says what its API is like');
      continue;
    }
    const fitting = SCENARIOS.filter((scenario) => scenario.fits(vendor));
    const before = tally.failed;
    for (const scenario of fitting) {
      await tally.attempt(`${recipe}, ${scenario.name}`, async () =>
        tally.count(`${recipe}, ${scenario.name}`, await play(scenario, vendor, props)),
      );
    }
    const well = fitting.length - (tally.failed - before);
    console.log(`${recipe}: ${well} of ${fitting.length} scenarios`);
  }
  return tally.close('flows');
}

await runProgram('verify:flows', HELP, (args) => parseOptions(args, allFlows()), main);
