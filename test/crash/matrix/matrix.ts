import { MODES } from '../modes.ts';
import { table } from '../../harness/table.ts';
import type { Tally } from '../../harness/tally.ts';
import { withStores, type StoreUnderTest } from '../stores.ts';
import { runCell, type CellResult } from './cell.ts';
import { POINTS } from './points.ts';

/** Cells at a time: each has one process working and one starting. */
const AT_ONCE = 2;
/** Where a dead process's lease has to run out, cells spend their time waiting, and fit in beside the others. */
const WAITING_AT_ONCE = 6;

export interface MatrixResult {
  readonly kills: number;
  readonly extraLogins: number;
  readonly table: string;
}

/**
 * Every store, every way of the token endpoint, every point; so many kills each, fewer where each costs half a minute
 * of waiting.
 */
export async function runMatrix(kills: number, waitingKills: number, tally: Tally): Promise<MatrixResult> {
  return withStores(async (stores) => {
    const results = new Map<string, CellResult>();
    const name = (store: { name: string }, mode: { name: string }, point: { name: string }): string =>
      `${point.name} ${mode.name}, ${store.name}`;
    const run = async (some: readonly StoreUnderTest[], each: number, atOnce: number): Promise<void> => {
      const queue = some.flatMap((store) => POINTS.flatMap((point) => MODES.map((mode) => ({ store, mode, point }))));
      const work = async (): Promise<void> => {
        for (let cell = queue.shift(); cell !== undefined; cell = queue.shift()) {
          const { store, mode, point } = cell;
          const result = await runCell(store, mode, point, each);
          results.set(name(store, mode, point), result);
          for (const fault of result.faults) tally.count(name(store, mode, point), fault);
          tally.passed += Math.max(0, result.kills - result.faults.length);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
    };
    await Promise.all([
      run(
        stores.filter(({ leaseOutlives }) => leaseOutlives === 0),
        kills,
        AT_ONCE,
      ),
      run(
        stores.filter(({ leaseOutlives }) => leaseOutlives > 0),
        waitingKills,
        WAITING_AT_ONCE,
      ),
    ]);

    const rows = stores.flatMap((store) =>
      POINTS.map((point) => [
        point.name,
        point.what,
        store.name,
        ...MODES.map((mode) => {
          const { kills: count, faults, extraLogins, slowest } = results.get(name(store, mode, point))!;
          return `${Math.max(0, count - faults.length)}/${store.leaseOutlives > 0 ? waitingKills : kills}  +${extraLogins} logins  ${(slowest / 1000).toFixed(1)} s`;
        }),
      ]),
    );
    const all = [...results.values()];
    return {
      kills: all.reduce((sum, one) => sum + one.kills, 0),
      extraLogins: all.reduce((sum, one) => sum + one.extraLogins, 0),
      table: table([['kill', 'at', 'store', ...MODES.map((mode) => mode.name)], ...rows]),
    };
  });
}
