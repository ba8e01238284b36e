import { runProgram } from '../harness/program.ts';
import { Tally } from '../harness/tally.ts';
import { rendered } from './chart.ts';
import { writeGolden } from './golden.ts';
import { HELP, parseOptions, type Options } from './options.ts';
import { PARTS } from './parts/all.ts';

/** Everything, in order; the exit code. */
async function main(options: Options): Promise<number> {
  if (options.writeGolden) {
    for (const file of writeGolden(rendered)) console.log(file);
    return 0;
  }
  const tally = new Tally();
  for (const part of PARTS) {
    if (!options.runs(part.name)) continue;
    if (part.isHeavy === true && !options.full && options.only === undefined) {
      console.log(`${part.name}: left out, it takes too long for every run (--full)`);
      continue;
    }
    const start = performance.now();
    await tally.attempt(part.name, async () => {
      const line = await part.run(tally);
      console.log(`${part.name}: ${line} (${Math.round((performance.now() - start) / 1000)} s)`);
    });
  }
  return tally.close('kubernetes');
}

await runProgram('kubernetes', HELP, parseOptions, main);
