import { ALSO_BASELINE, COUNTS, runClass, runTokenClass, TITLES } from './classes.ts';
import { CLASSES, HELP, parseOptions, UsageError, type Options } from './options.ts';
import { classTable, Tally, trialTable, type ClassResult, type Row, type TrialLine } from './report.ts';
import { startStage, type Stage } from './stage.ts';
import { HostileError } from './subjects.ts';
import { runTrials } from './trials/all.ts';

/** Everything, in order; the exit code. */
async function main(options: Options): Promise<number> {
  const tally = new Tally();
  console.log(
    `seed ${options.seed}, engine ${options.engine}, Node ${process.version}; ${Object.values(COUNTS).reduce((a, b) => a + b)} items`,
  );
  const stages: Stage[] = [];
  try {
    const tokenward = await startStage('tokenward', options.engine);
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
  for (const line of tally.rest()) console.log(line);
  console.log(`hostile: ${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 ? 0 : 1;
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
    if (name === 'F' || !options.runs(name)) continue;
    const result = await runClass(tokenward, name, count);
    let other: ClassResult | undefined;
    if (baseline !== undefined && ALSO_BASELINE.includes(name)) other = await runClass(baseline, name, show);
    rows.push({ what: TITLES[name], tokenward: result, baseline: other });
    console.log(`${TITLES[name]}: ${COUNTS[name]} items, ${result.asExpected} of ${result.items} cases as expected`);
  }
  if (tokens !== undefined) {
    const result = await tokens;
    rows.push({ what: TITLES.F, tokenward: result, baseline: undefined });
    console.log(`${TITLES.F}: ${COUNTS.F} items, ${result.asExpected} of ${result.items} as expected`);
  }
  return rows;
}

// Interrupted: end in the ordinary way, so that the proxies end too.
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) console.log(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof HostileError)) throw error;
  console.error(`hostile: ${error.message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
