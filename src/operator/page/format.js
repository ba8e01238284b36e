/* Numbers and times for people. */

/** A duration: "42 s", "12 min", "3 h 5 min", "9 d". */
export function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return `${s} s`;
  if (s < 5_400) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`;
  return `${Math.round(s / 86_400)} d`;
}

/** A countdown to the second: "0:09", "12:40", "3 h 5 min". */
export function countdown(ms) {
  const s = Math.max(0, Math.ceil(ms / 1000));
  if (s >= 3_600) return duration(ms);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

/** A time of day, with the date if it is not today's. */
export function time(wall) {
  const date = new Date(wall);
  const clock = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  return date.toDateString() === new Date().toDateString() ? clock : `${date.toLocaleDateString()} ${clock}`;
}

/** An exact time, for tooltips. */
export function exactTime(wall) {
  return new Date(wall)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}

export function number(value) {
  return value.toLocaleString('en-US');
}

/** A duration in ms, with as many digits as matter. */
export function millis(ms) {
  if (ms === undefined) return '–';
  if (ms >= 10_000) return `${Math.round(ms / 1000)} s`;
  if (ms >= 1_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${Number(ms.toPrecision(2))} ms`;
}

/** The states as words: the same as everywhere, without the underscores. */
export function stateWord(state) {
  return state.replaceAll('_', ' ');
}

/** "a, b, c and 4 more". */
export function listed(names, most = 4) {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ');
}

/** "1 account", "3 accounts". */
export function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
}
