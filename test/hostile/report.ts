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
  return table(
    [
      ['trial', 'tokenward', 'http-proxy 1.18.1'],
      ...lines.map(({ what, tokenward, baseline }) => [what, tokenward, baseline]),
    ],
    1,
  );
}

function table(rows: readonly (readonly string[])[], heads: number): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  return [
    ...rows.slice(0, heads).map(line),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...rows.slice(heads).map(line),
  ].join('\n');
}

/** How often one thing is spelled out before it is only counted. */
const SAY_MOST = 5;

/** Counts what a run decides by, and says at once what is wrong. */
export class Tally {
  readonly #said = new Map<string, string[]>();
  passed = 0;
  failed = 0;

  /** `wrong`: undefined if it is as it should be. */
  count(what: string, wrong: string | undefined): void {
    if (wrong === undefined) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    const said = this.#said.get(wrong) ?? [];
    this.#said.set(wrong, said);
    said.push(what.split(' ', 1)[0]!);
    if (said.length <= SAY_MOST) console.log(`  WRONG  ${what}: ${wrong}`);
  }

  /** What was only counted. */
  rest(): string[] {
    return [...this.#said]
      .filter(([, ids]) => ids.length > SAY_MOST)
      .map(
        ([wrong, ids]) =>
          `  WRONG  ${ids.length - SAY_MOST} more: ${wrong}: ${[...new Set(ids.slice(SAY_MOST))].join(' ')}`,
      );
  }
}
