import type { BootTime } from '../boot-time.ts';

/** A row of logins: when each was counted, by the wall clock. Ascending. */
export type Logins = readonly number[];

/**
 * Boot times of some of these logins, for one boot. `made`: the login was counted at that time. `seen`: at that time
 * the login was in the future by the wall clock, so it was made before it.
 */
export interface BootNotes {
  readonly boot: string;
  readonly made: readonly (readonly [at: number, up: number])[];
  readonly seen: readonly (readonly [at: number, up: number])[];
}

/** Rows keep so many logins whatever their age: a clock that is ahead for a moment must not remove them. */
export const MIN_KEPT = 100;

/** Undefined: the text is not a row of logins. */
export function parseLogins(text: string): number[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Array.isArray(value) && value.every((at) => Number.isFinite(at))
    ? (value as number[]).sort((a, b) => a - b)
    : undefined;
}

/** The notes, if they are of this boot. They only refine the row, so that notes which cannot be read count as none. */
export function parseNotes(text: string | undefined, now: BootTime | undefined): BootNotes {
  const none: BootNotes = { boot: now?.boot ?? '', made: [], seen: [] };
  if (text === undefined || now === undefined) return none;
  try {
    const value = JSON.parse(text) as Partial<BootNotes> | null;
    const pairs = (given: unknown): given is [number, number][] =>
      Array.isArray(given) &&
      given.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isFinite));
    return value?.boot === now.boot && pairs(value.made) && pairs(value.seen)
      ? { boot: now.boot, made: value.made, seen: value.seen }
      : none;
  } catch {
    return none;
  }
}

/**
 * Returns when a login was made, by the present wall clock, or undefined if it no longer counts. The boot time decides
 * where it is noted; otherwise the wall clock does, and a login in its future counts: counting one too many is the
 * cheaper error. One that has been in the future for a whole window no longer counts, so that a clock which was years
 * ahead blocks nothing for ever.
 */
function judge(
  notes: BootNotes,
  now: number,
  window: number,
  running: BootTime | undefined,
): (at: number) => number | undefined {
  const [made, seen] = [new Map(notes.made), new Map(notes.seen)];
  const since = (moments: ReadonlyMap<number, number>, at: number): number | undefined => {
    const moment = moments.get(at);
    // After a restore from a snapshot the boot time is behind the note, which is useless then.
    return moment === undefined || running === undefined || running.ms < moment ? undefined : running.ms - moment;
  };
  return (at) => {
    const age = since(made, at);
    if (age === undefined) return at > now - window && (since(seen, at) ?? 0) < window ? at : undefined;
    if (age >= window) return undefined;
    // The two clocks differ only by rounding, unless one was set.
    return Math.abs(now - age - at) < 1_000 ? at : now - age;
  };
}

/** The logins that count, as times of the present wall clock; oldest first. */
export function countingLogins(
  logins: Logins,
  notes: BootNotes,
  now: number,
  window: number,
  running: BootTime | undefined,
): number[] {
  const counts = judge(notes, now, window, running);
  return logins
    .map(counts)
    .filter((at) => at !== undefined)
    .sort((a, b) => a - b);
}

/** The logins to keep of a row: those that count, and the newest of the rest. */
export function withoutOld(
  logins: Logins,
  notes: BootNotes,
  now: number,
  window: number,
  running: BootTime | undefined,
  limit: number,
): number[] {
  const spare = logins.length - Math.max(MIN_KEPT, 2 * limit);
  const counts = judge(notes, now, window, running);
  return logins.filter((at, index) => index >= spare || counts(at) !== undefined);
}

/** The notes of these logins, with those added that are in the future now; the same object if nothing changes. */
export function withSeen(logins: Logins, notes: BootNotes, now: number, running: BootTime): BootNotes {
  const kept = new Set(logins);
  const noted = new Set([...notes.made, ...notes.seen].map(([at]) => at));
  const seen = logins.filter((at) => at > now && !noted.has(at)).map((at) => [at, running.ms] as const);
  if (seen.length === 0 && [...noted].every((at) => kept.has(at))) return notes;
  return {
    boot: running.boot,
    made: notes.made.filter(([at]) => kept.has(at)),
    seen: [...notes.seen.filter(([at]) => kept.has(at)), ...seen],
  };
}
