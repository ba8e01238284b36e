import { pino, type Logger as PinoLogger } from 'pino';
import { prettyLine, type Paint } from './pretty-line.ts';

/** The only fields that a log line can have: secrets are kept out by the type, not by a filter afterwards. */
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
  /** What started it, in words: "/crm responded with 403". */
  readonly by?: string;
  /** The state of an account (src/tokens/status.ts); `was`: the previous one. */
  readonly state?: string;
  readonly was?: string;
  /** The request that the line is about, and the trace it belongs to. */
  readonly request_id?: string;
  readonly trace_id?: string;
  readonly code?: string;
  readonly method?: string;
  readonly status?: number;
  readonly generation?: number;
  readonly seconds?: number;
  /** Host and port of an upstream. */
  readonly upstream?: string;
  /** Number of requests that the line is about. */
  readonly calls?: number;
  /** What an upgraded connection has carried. */
  readonly bytes_to_upstream?: number;
  readonly bytes_to_client?: number;
  /** When a token expires; when the next login is possible. ISO 8601, UTC. */
  readonly expires?: string;
  readonly until?: string;
  /** Logins left in the budget, and in the operators' reserve. */
  readonly logins_left?: number;
  readonly reserve_left?: number;
  /** Renewals left in the scarcest budget of renewals. */
  readonly renewals_left?: number;
  /** Seconds until the next try. */
  readonly retry_in?: number;
  readonly version?: string;
  /** Numbers at start. */
  readonly accounts?: number;
  readonly routes?: number;
  /** The first reader of requests: `fast` or `express`. */
  readonly engine?: string;
  /** The store's type and location, without secrets. */
  readonly store?: string;
  readonly address?: string;
  readonly file?: string;
  readonly signal?: string;
  /** Number of a worker process, from 1. */
  readonly worker?: number;
  /** What asked for a reload: signal, file or operator. */
  readonly trigger?: string;
  /** Tells two configurations apart. */
  readonly hash?: string;
  readonly detail?: string;
}

export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Another lowest level from now on. */
  setLevel?(level: LogLevel): void;
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
  'request_id',
  'trace_id',
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
  'renewals_left',
  'retry_in',
  'upstream',
  'calls',
  'bytes_to_upstream',
  'bytes_to_client',
  'version',
  'accounts',
  'routes',
  'engine',
  'store',
  'address',
  'file',
  'signal',
  'worker',
  'trigger',
  'hash',
  'detail',
];

/**
 * Lines on standard error, each with the fields of `always`: JSON, or with `paint` for people. Fields outside the list
 * are dropped at run time too.
 */
export function createLogger(level: LogLevel, always: LogFields = {}, paint?: Paint): Logger {
  // sync: a line about a crash must not be lost in a buffer. It waits for a full pipe, and a closed one is no fault.
  const destination = pino.destination({ fd: 2, sync: true });
  if (paint !== undefined) return prettyLogger(level, always, paint, (line) => void destination.write(line));
  const formatters = { level: (label: string) => ({ level: label }) };
  const log: PinoLogger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    destination,
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
    setLevel: (changed) => void (log.level = changed),
  };
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

/** Lines for people. */
function prettyLogger(level: LogLevel, always: LogFields, paint: Paint, write: (line: string) => void): Logger {
  const rank = (name: LogLevel): number => (name === 'silent' ? LEVELS.length : LEVELS.indexOf(name));
  let lowest = rank(level);
  const logAt =
    (name: (typeof LEVELS)[number]) =>
    (message: string, fields: LogFields = {}): void => {
      if (rank(name) >= lowest) write(prettyLine(name, message, pickAllowed({ ...always, ...fields }), paint));
    };
  return {
    trace: logAt('trace'),
    debug: logAt('debug'),
    info: logAt('info'),
    warn: logAt('warn'),
    error: logAt('error'),
    setLevel: (changed) => void (lowest = rank(changed)),
  };
}

function pickAllowed(fields: LogFields): Record<string, string | number> {
  const kept: Record<string, string | number> = {};
  for (const name of ALLOWED) {
    const value = fields[name];
    if (value !== undefined) kept[name] = typeof value === 'number' ? roundToMs(value) : value;
  }
  return kept;
}

/** Durations are logged to the millisecond; more digits are noise. */
function roundToMs(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** Describes an unexpected error by its class, code and place, without its message, which may quote data. */
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
