/** Plain columns; a line below the first rows, which are the heads. */
export function table(rows: readonly (readonly string[])[], heads = 1): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
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
