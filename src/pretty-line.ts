import type { AccessEntry, AccessOutput } from './access-log.ts';
import { isFailure } from './access-line.ts';

/** Colours a text for a terminal, or leaves it as it is. */
export type Paint = (text: string, colour: keyof typeof CODES) => string;

const CODES = { dim: 2, red: 31, green: 32, yellow: 33, blue: 34, cyan: 36 };
const LEVELS = { trace: 'dim', debug: 'blue', info: 'green', warn: 'yellow', error: 'red' } as const;

/** Colours, where the terminal shows them and the person has not turned them off (no-color.org). */
export function paintFor(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): Paint {
  const { NO_COLOR = '', TERM } = environment;
  if (stream.isTTY !== true || NO_COLOR !== '' || TERM === 'dumb') return (text) => text;
  return (text, colour) => `\u001b[${CODES[colour]}m${text}\u001b[0m`;
}

/** A line of the log for people: time, level, message, and the fields behind it. */
export function prettyLine(
  level: keyof typeof LEVELS,
  message: string,
  fields: Readonly<Record<string, string | number>>,
  paint: Paint,
  now = new Date(),
): string {
  const behind = Object.entries(fields).map(([name, value]) => paint(`${name}=${shown(value)}`, 'dim'));
  const parts = [
    paint(timeOf(now), 'dim'),
    paint(level.toUpperCase().padEnd(5), LEVELS[level]),
    safe(message),
    ...behind,
  ];
  return `${parts.join(' ')}\n`;
}

/** An access line for people. */
export function prettyAccessLine(
  entry: AccessEntry,
  paint: NonNullable<AccessOutput['paint']>,
  worker?: number,
): string {
  const { method = '-', path = '-', query, status, durationMs, attempts } = entry;
  const fields: Record<string, string | number | undefined> = {
    account: entry.account,
    caller: entry.caller,
    error: entry.errorCode,
    source: entry.errorSource,
    attempts: attempts > 1 ? attempts : undefined,
    token_wait: entry.tokenWaitMs > 0 ? `${entry.tokenWaitMs.toFixed(1)}ms` : undefined,
    upstream: attempts > 0 ? `${entry.upstreamMs.toFixed(1)}ms` : undefined,
    own: entry.ownMs === undefined ? undefined : `${entry.ownMs.toFixed(2)}ms`,
    id: entry.requestId,
    worker,
  };
  const behind = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${shown(value)}`,
  );
  const target = query === undefined ? path : `${path}?${query}`;
  const code = paint(String(status), isFailure(entry) ? 'red' : 'green');
  return (
    `${paint(timeOf(new Date(entry.at)), 'dim')} ${paint('HTTP ', 'cyan')} ${safe(method)} ${safe(target)} ${code} ` +
    `${durationMs.toFixed(1)}ms ${paint(behind.join(' '), 'dim')}\n`
  );
}

function timeOf(date: Date): string {
  return date.toTimeString().slice(0, 8) + `.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function shown(value: string | number): string {
  const text = safe(String(value));
  return /[ "=]/.test(text) ? JSON.stringify(text) : text;
}

/** Without control characters, which a terminal would obey, and beyond ASCII escaped. */
function safe(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
