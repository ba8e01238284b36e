import { runProgram } from '../harness/program.ts';
import { Tally } from '../harness/tally.ts';
import { ALSO_BASELINE, COUNTS, runClass, runTokenClass, TITLES } from './classes.ts';
import { CLASSES, HELP, parseOptions, type Options } from './options.ts';
import { classTable, trialTable, type ClassResult, type Row, type TrialLine } from './report.ts';
import { startStage, type Stage } from './stage.ts';
import { runTrials } from './trials/all.ts';
import { runTunnelClass } from './tunnel-class.ts';

/** How often one thing is spelled out before it is only counted. */
const SAY_MOST = 5;

/** Everything, in order; the exit code. */
async function main(options: Options): Promise<number> {
  const tally = new Tally(SAY_MOST);
  console.log(
    `seed ${options.seed}, engine ${options.engine}${options.tls ? ' over TLS' : ''}, Node ${process.version}; ${Object.values(COUNTS).reduce((a, b) => a + b)} items`,
  );
  const stages: Stage[] = [];
  try {
    const tokenward = await startStage('tokenward', options);
    stages.push(tokenward);
    const baseline = options.baseline ? await startStage('http-proxy') : undefined;
    if (baseline !== undefined) stages.push(baseline);

    const rows = await corpus(options, tally, tokenward, baseline);
    if (rows.length > 0) console.log(`\n${classTable(rows)}\n`);
    const lines: TrialLine[] = await runTrials(options, tally, tokenward, baseline);
    tally.count(
      'the process still runs, and has never ended',
      tokenward.subject.deaths === 0 ? undefined : `it ended ${tokenward.subject.deaths} times`,
    );
    tally.count('no uncaught exception', tokenward.subject.faults()[0]);
    if (lines.length > 0) console.log(`\n${trialTable(lines)}\n`);
  } finally {
    await Promise.allSettled(stages.map((stage) => stage.stop()));
  }
  return tally.close('hostile');
}

async function corpus(options: Options, tally: Tally, tokenward: Stage, baseline: Stage | undefined): Promise<Row[]> {
  const rows: Row[] = [];
  const count = (what: string, wrong: string | undefined): void => tally.count(what, wrong);
  // The baseline's deviations are shown, and are no failures of this run.
  const show = (what: string, wrong: string | undefined): void => {
    if (wrong !== undefined && options.verbose) console.log(`  http-proxy  ${what}: ${wrong}`);
  };
  // F has servers of its own and spends its time waiting.
  const tokens = options.runs('F') ? runTokenClass(tokenward, count) : undefined;
  for (const name of CLASSES) {
    if (name === 'F' || name === 'T' || !options.runs(name)) continue;
    const result = await runClass(tokenward, name, count);
    let other: ClassResult | undefined;
    if (baseline !== undefined && ALSO_BASELINE.includes(name)) other = await runClass(baseline, name, show);
    rows.push({ what: TITLES[name], tokenward: result, baseline: other });
    console.log(`${TITLES[name]}: ${COUNTS[name]} items, ${result.asExpected} of ${result.items} cases as expected`);
  }
  if (options.runs('T')) {
    const result = await runTunnelClass(options, count);
    rows.push({ what: TITLES.T, tokenward: result, baseline: undefined });
    console.log(`${TITLES.T}: ${COUNTS.T} items, ${result.asExpected} of ${result.items} cases as expected`);
  }
  if (tokens !== undefined) {
    const result = await tokens;
    rows.push({ what: TITLES.F, tokenward: result, baseline: undefined });
    console.log(`${TITLES.F}: ${COUNTS.F} items, ${result.asExpected} of ${result.items} as expected`);
  }
  return rows;
}

await runProgram('hostile', HELP, parseOptions, main);
