/*
 * The notations in which servers write a lifetime or an expiry. Anything else is undefined, and so is 0 or less:
 * servers that send that mean "no end", or do not know.
 */

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600 };
/** A moment as old .NET servers write it. What follows the digits begins with no digit, so no text is slow to match. */
const DOTNET_DATE = /^\/Date\((\d+)(?:[^\d)][^)]*)?\)\/$/;
/** Smaller numbers (before 2001) are not unix times. */
const EARLIEST_UNIX_SECONDS = 1e9;

/** A lifetime in seconds: 3600, "3600", "3600s", "60m", "PT1H". */
export function secondsOf(value: unknown): number | undefined {
  const plain = numberOf(value);
  if (plain !== undefined) return plain > 0 ? plain : undefined;
  if (typeof value !== 'string') return undefined;
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*$/i.exec(value) ?? [];
  const iso = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(value.trim());
  const seconds =
    unit !== undefined
      ? Number(amount) * UNIT_SECONDS[unit.toLowerCase()]!
      : iso === null
        ? 0
        : [86_400, 3_600, 60, 1].reduce((sum, each, index) => sum + each * Number(iso[index + 1] ?? 0), 0);
  return seconds > 0 ? seconds : undefined;
}

/**
 * Seconds from `now` (wall clock, ms) until an expiry: a unix time in s, ms, µs or ns (told by its size), an ISO date
 * with or without a "T", an HTTP date. A date without a zone is in UTC.
 */
export function secondsUntil(value: unknown, now: number): number | undefined {
  const moment = numberOf(value) ?? (typeof value === 'string' ? numberOf(DOTNET_DATE.exec(value)?.[1]) : undefined);
  if (moment !== undefined) {
    const seconds = moment < 1e11 ? moment : moment < 1e14 ? moment / 1e3 : moment < 1e17 ? moment / 1e6 : moment / 1e9;
    return seconds < EARLIEST_UNIX_SECONDS ? undefined : seconds - now / 1000;
  }
  const date = typeof value === 'string' ? dateOf(value.trim()) : NaN;
  return Number.isNaN(date) || date < EARLIEST_UNIX_SECONDS * 1000 ? undefined : (date - now) / 1000;
}

/** Wall-clock ms; NaN if the text is not a date. */
function dateOf(text: string): number {
  const [, day, time, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$/i.exec(
      text,
    ) ?? [];
  // Otherwise only text with a day of the week, a year and a time, as in HTTP dates: Date.parse finds a date in almost
  // anything.
  if (day === undefined)
    return /^[A-Za-z]{3,9},? /.test(text) && /\d{4}/.test(text) && /\d:\d\d/.test(text)
      ? Date.parse(/GMT|UTC|[+-]\d{4}/.test(text) ? text : `${text} UTC`)
      : NaN;
  return Date.parse(`${day}T${time ?? '00:00'}${zoneOf(zone)}`);
}

function zoneOf(zone: string | undefined): string {
  if (zone === undefined || /^[A-Z]/i.test(zone)) return 'Z';
  return `${zone.slice(0, 3)}:${zone.length === 3 ? '00' : zone.slice(-2)}`;
}

/** A finite number, or the text of one. */
export function numberOf(value: unknown): number | undefined {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : undefined;
}
