import { runProgram } from '../harness/program.ts';
import { table } from '../harness/table.ts';
import { Tally } from '../harness/tally.ts';
import { runDiskFaults } from './faults/disk.ts';
import { runLinkFaults } from './faults/links.ts';
import { runMatrix } from './matrix/matrix.ts';
import { HELP, parseOptions, type Options, type Part } from './options.ts';
import { runScenarios } from './scenarios/all.ts';

/** Kills per cell; those over a store whose leases have to run out cost half a minute each. */
const KILLS = { usual: 5, waiting: 1 };
const KILLS_FULL = { usual: 40, waiting: 20 };
const CRASH_LOOP = 60_000;
const CRASH_LOOP_FULL = 300_000;

/** Everything, in order; the exit code. */
async function main(options: Options): Promise<number> {
  const tally = new Tally();
  const rows: string[][] = [];
  console.log(`Node ${process.version}`);
  const part = async (name: Part, title: string, act: () => Promise<string>): Promise<void> => {
    if (!options.runs(name)) return;
    const before = { passed: tally.passed, failed: tally.failed };
    const start = performance.now();
    console.log(`\n${title}`);
    let said = 'could not be carried out';
    await tally.attempt(title, async () => {
      said = await act();
    });
    const row = [
      title,
      String(tally.passed - before.passed),
      String(tally.failed - before.failed),
      `${Math.round((performance.now() - start) / 1_000)} s`,
      said,
    ];
    rows.push(row);
    console.log(`  ${row[1]!} passed, ${row[2]!} failed, ${row[3]!}`);
  };

  await part('matrix', 'kill matrix', async () => {
    const { usual, waiting } = options.full ? KILLS_FULL : KILLS;
    const result = await runMatrix(usual, waiting, tally);
    console.log(`${result.table}\n`);
    return `${result.kills} kills, ${result.extraLogins} extra logins, all where the ladder allows one`;
  });
  await part('faults', 'link faults', async () => {
    console.log(`${await runLinkFaults(tally)}\n`);
    return '';
  });
  await part('disk', 'disk faults', async () => {
    await runDiskFaults(tally);
    return '';
  });
  await part('scenarios', 'scenarios', async () => {
    await runScenarios(tally, options.full ? CRASH_LOOP_FULL : CRASH_LOOP);
    return '';
  });

  console.log(`\n${table([['part', 'passed', 'failed', 'time', ''], ...rows])}\n`);
  return tally.close('crash');
}

await runProgram('crash', HELP, parseOptions, main);
