import { table } from '../harness/table.ts';

/** One subject's outcome of one class, or the figure of one trial. */
export interface ClassResult {
  readonly items: number;
  readonly asExpected: number;
  /** Bytes upstream of what had to be refused. */
  readonly leaked: number;
  /** Ends of the process and faults it reported, while this class ran. */
  readonly uncaught: number;
}

export interface Row {
  readonly what: string;
  readonly tokenward: ClassResult | undefined;
  readonly baseline: ClassResult | undefined;
}

/** The table by class, both proxies side by side. */
export function classTable(rows: readonly Row[]): string {
  const cells = (result: ClassResult | undefined): string[] =>
    result === undefined
      ? ['-', '-', '-']
      : [`${result.asExpected}/${result.items}`, String(result.leaked), String(result.uncaught)];
  return table(
    [
      ['', 'tokenward', '', '', 'http-proxy 1.18.1', '', ''],
      ['class', 'as expected', 'bytes upstream', 'uncaught', 'as expected', 'bytes upstream', 'uncaught'],
      ...rows.map(({ what, tokenward, baseline }) => [what, ...cells(tokenward), ...cells(baseline)]),
    ],
    2,
  );
}

export interface TrialLine {
  readonly what: string;
  readonly tokenward: string;
  readonly baseline: string;
}

export function trialTable(lines: readonly TrialLine[]): string {
  return table([
    ['trial', 'tokenward', 'http-proxy 1.18.1'],
    ...lines.map(({ what, tokenward, baseline }) => [what, tokenward, baseline]),
  ]);
}
