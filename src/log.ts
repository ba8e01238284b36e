import { pino, type Logger as PinoLogger } from 'pino';

/**
 * Fields that may stand in a log line. Everything else has no way in: secrets are kept out by what can be said, not by
 * a filter afterwards.
 */
export interface LogFields {
  readonly route?: string;
  readonly account?: string;
  readonly flow?: string;
  readonly caller?: string;
  readonly kind?: string;
  readonly outcome?: string;
  readonly reason?: string;
  /** Why a renewal began: first, refused, expired, early or operator. */
  readonly cause?: string;
  /** What made it begin, in words: "/crm answered 403". */
  readonly by?: string;
  /** The state of an account, a word of src/tokens/status.ts; `was`: the one before. */
  readonly state?: string;
  readonly was?: string;
  readonly code?: string;
  readonly method?: string;
  readonly status?: number;
  readonly generation?: number;
  readonly seconds?: number;
  /** Host and port of an upstream. */
  readonly upstream?: string;
  /** How many requests a line is about. */
  readonly calls?: number;
  /** When a token ends, or the next login is possible: ISO 8601, UTC. */
  readonly expires?: string;
  readonly until?: string;
  /** Automatic logins left in the budget, and what is left of the operators' reserve. */
  readonly logins_left?: number;
  readonly reserve_left?: number;
  /** Seconds until the next try. */
  readonly retry_in?: number;
  readonly version?: string;
  /** How many there are, at the start. */
  readonly accounts?: number;
  readonly routes?: number;
  /** What reads requests: `fast` or `express`. */
  readonly engine?: string;
  /** Which store: its type and place, no secret. */
  readonly store?: string;
  readonly address?: string;
  readonly file?: string;
  readonly signal?: string;
  /** A worker process, by its place: 1 to the number of them. */
  readonly worker?: number;
  readonly detail?: string;
}

export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

const ALLOWED: readonly (keyof LogFields)[] = [
  'route',
  'account',
  'flow',
  'caller',
  'kind',
  'outcome',
  'reason',
  'cause',
  'by',
  'state',
  'was',
  'code',
  'method',
  'status',
  'generation',
  'seconds',
  'expires',
  'until',
  'logins_left',
  'reserve_left',
  'retry_in',
  'upstream',
  'calls',
  'version',
  'accounts',
  'routes',
  'engine',
  'store',
  'address',
  'file',
  'signal',
  'worker',
  'detail',
];

/**
 * JSON lines on standard error, each with the fields of `always`. The allow-list holds at run time as well as in the
 * types.
 */
export function createLogger(level: LogLevel, always: LogFields = {}): Logger {
  // sync: a line about a crash must not sit in a buffer when the process ends.
  const formatters = { level: (label: string) => ({ level: label }) };
  const log: PinoLogger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    pino.destination({ fd: 2, sync: true }),
  );
  const logAt =
    (name: Exclude<LogLevel, 'silent'>) =>
    (message: string, fields: LogFields = {}): void => {
      if (log.isLevelEnabled(name)) log[name](pickAllowed({ ...always, ...fields }), message);
    };
  return {
    trace: logAt('trace'),
    debug: logAt('debug'),
    info: logAt('info'),
    warn: logAt('warn'),
    error: logAt('error'),
  };
}

function pickAllowed(fields: LogFields): LogFields {
  const kept: Record<string, string | number> = {};
  for (const name of ALLOWED) {
    const value = fields[name];
    if (value !== undefined) kept[name] = typeof value === 'number' ? roundToMs(value) : value;
  }
  return kept;
}

/** Durations are told to the millisecond: what stands behind it is noise. */
function roundToMs(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/**
 * What may be said of an unexpected error: its class, code and where it was thrown, not its message (it may quote
 * data).
 */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as NodeJS.ErrnoException;
  const place =
    error.stack
      ?.split('\n')
      .find((line) => line.trimStart().startsWith('at '))
      ?.trim() ?? '';
  return `${error.name}${code === undefined ? '' : ` ${code}`} ${place}`.trim();
}
