import type { RootDatabase } from 'lmdb';
import type { BootTime } from '../boot-time.ts';
import { damaged } from '../store.ts';
import { parseLogins, parseNotes, withSeen, type BootNotes } from './counted-logins.ts';
import { budgetKey, notesKey } from './lmdb-rows.ts';

type Database = RootDatabase<string, string>;

/**
 * A count of logins with its notes of boot times. Throws a RecordError on one that cannot be read: it must not count as
 * none.
 */
export function readBudget(
  db: Database,
  budget: string,
  running: BootTime | undefined,
): { logins: number[]; notes: BootNotes } {
  const text = db.get(budgetKey(budget));
  const logins = text === undefined ? [] : parseLogins(text);
  if (logins === undefined) throw damaged('budget', budget, budgetKey(budget));
  return { logins, notes: parseNotes(db.get(notesKey(budget)), running) };
}

/** Writes both rows, inside a transaction. `now`: wall-clock ms. */
export function writeBudget(
  db: Database,
  budget: string,
  logins: readonly number[],
  notes: BootNotes,
  now: number,
  running: BootTime | undefined,
): void {
  db.putSync(budgetKey(budget), JSON.stringify(logins));
  if (running === undefined) return;
  // Beside the row, not in it: an earlier version reads the row as a list of numbers.
  db.putSync(notesKey(budget), JSON.stringify(withSeen(logins, notes, now, running)));
}

/** This process's own logins that the store has lost. */
export function missingLogins(logins: readonly number[], ownLogins: readonly number[]): number[] {
  return ownLogins.filter((at) => !logins.includes(at));
}
