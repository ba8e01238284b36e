import { table } from '../../test/harness/table.ts';
import type { Judged } from './judge.ts';

/** Counts by kind, and in all. */
export interface Share {
  readonly entries: number;
  readonly expressible: number;
  readonly not: number;
  readonly unclear: number;
  readonly kinds: readonly { readonly kind: string; readonly entries: number; readonly expressible: number }[];
}

export function shareOf(all: readonly Judged[]): Share {
  const count = (outcome: Judged['outcome']): number => all.filter((one) => one.outcome === outcome).length;
  const kinds = new Map<string, { kind: string; entries: number; expressible: number }>();
  for (const { ways } of all) {
    for (const kind of new Set(ways.flatMap((way) => way.kinds))) {
      const row = kinds.get(kind) ?? { kind, entries: 0, expressible: 0 };
      kinds.set(kind, row);
      row.entries += 1;
      if (ways.some((way) => way.kinds.includes(kind) && way.outcome === 'expressible')) row.expressible += 1;
    }
  }
  return {
    entries: all.length,
    expressible: count('expressible'),
    not: count('not'),
    unclear: count('unclear'),
    kinds: [...kinds.values()].sort((a, b) => b.entries - a.entries || (a.kind < b.kind ? -1 : 1)),
  };
}

export function reportOf(all: readonly Judged[], unread: number): string {
  const { entries, expressible, not, unclear, kinds } = shareOf(all);
  const rows = kinds.map((row) => [
    row.kind,
    String(row.entries),
    String(row.expressible),
    percent(row.expressible, row.entries),
  ]);
  const list = (outcome: Judged['outcome'], head: string): string[] => {
    const found = all.filter((one) => one.outcome === outcome);
    return found.length === 0 ? [] : [`${head}:`, ...found.map(({ name, reason }) => `  ${name}: ${reason}`), ''];
  };
  return [
    table([['kind', 'entries', 'expressible', 'share'], ...rows]),
    '',
    ...list('not', 'Not expressible'),
    ...list('unclear', 'Not judged'),
    ...(unread > 0 ? [`${unread} ${unread === 1 ? 'file is' : 'files are'} no OpenAPI document`, ''] : []),
    `catalogue: ${expressible} of ${entries} expressible (${percent(expressible, entries)}), ${not} not, ${unclear} not judged`,
  ].join('\n');
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`;
}
