/** Counts what a run decides by, and says at once what is wrong. */
export class Tally {
  passed = 0;
  failed = 0;

  /** `wrong`: undefined if it is as it should be. */
  count(what: string, wrong: string | undefined): void {
    if (wrong === undefined) {
      this.passed += 1;
      return;
    }
    this.failed += 1;
    console.log(`  WRONG  ${what}: ${wrong}`);
  }
}

/** Plain columns, the first row underlined. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  return [line(rows[0]!), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.slice(1).map(line)].join('\n');
}
