import { MODES } from '../modes.ts';
import { table, type Tally } from '../report.ts';
import { STORES } from '../stores.ts';
import { runCell, type CellResult } from './cell.ts';
import { POINTS } from './points.ts';

/** Cells at a time: each has one process working and one starting. */
const AT_ONCE = 3;

/** Every store, every way of the token endpoint, every point; `kills` each. Returns the table. */
export async function runMatrix(kills: number, tally: Tally): Promise<string> {
  const cells = STORES.flatMap((store) => POINTS.flatMap((point) => MODES.map((mode) => ({ store, mode, point }))));
  const results = new Map<string, CellResult>();
  const name = (store: { name: string }, mode: { name: string }, point: { name: string }): string => `${point.name} ${mode.name}, ${store.name}`;
  const queue = [...cells];
  const work = async (): Promise<void> => {
    for (let cell = queue.shift(); cell !== undefined; cell = queue.shift()) {
      const { store, mode, point } = cell;
      const result = await runCell(store, mode, point, kills);
      results.set(name(store, mode, point), result);
      for (const fault of result.faults) tally.count(name(store, mode, point), fault);
      tally.passed += Math.max(0, result.kills - result.faults.length);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));

  const rows = STORES.flatMap((store) => POINTS.map((point) => [
    point.name, point.what, store.name,
    ...MODES.map((mode) => {
      const { kills: count, faults, extraLogins, slowest } = results.get(name(store, mode, point))!;
      return `${Math.max(0, count - faults.length)}/${kills}  +${extraLogins} logins  ${(slowest / 1000).toFixed(1)} s`;
    }),
  ]));
  return table([['kill', 'at', 'store', ...MODES.map((mode) => mode.name)], ...rows]);
}
