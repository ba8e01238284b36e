/** Rows as text with columns of equal width, of which the first row is the head. A cell may be coloured by `paint`. */
export function table(
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number, row: number) => string = (cell) => cell,
): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row, index) => {
    const last = row.findLastIndex((cell) => cell !== '');
    return row
      .slice(0, last + 1)
      .map(
        (cell, column) =>
          paint(cell, column, index) + (column === last ? '' : ' '.repeat(widths[column]! - cell.length)),
      )
      .join('  ');
  });
  return `${lines.join('\n')}\n`;
}
