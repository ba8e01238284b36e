import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { coloured, type Style } from './colour.ts';
import { print } from './options.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward logs`. */
interface Options {
  readonly account?: string;
  readonly route?: string;
  readonly caller?: string;
  readonly level?: string;
  readonly request?: string;
  readonly json?: boolean;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
const STYLES: Readonly<Record<string, Style>> = { trace: 'dim', debug: 'dim', warn: 'yellow', error: 'red' };
/** Shown at the head of a line. */
const HEAD = new Set(['time', 'level', 'msg']);
/** Fields that may hold the id of a request or a trace. */
const IDS = ['request_id', 'trace_id', 'http.request.id', 'trace.id'];
/** What is shown behind the head of an access line, and under which name. */
const ACCESS_FIELDS: Readonly<Record<string, string>> = {
  'tokenward.account': 'account',
  'tokenward.caller': 'caller',
  'error.code': 'error',
  'tokenward.error_source': 'source',
  'tokenward.generation': 'generation',
  'tokenward.attempts': 'attempts',
  'tokenward.token_wait_ms': 'token_wait_ms',
  'tokenward.upstream_ms': 'upstream_ms',
  'tokenward.own_ms': 'own_ms',
  'http.request.id': 'request_id',
  'trace.id': 'trace_id',
  'tokenward.worker': 'worker',
};

type Line = Readonly<Record<string, unknown>>;

/** `tokenward logs`: a line of text for each JSON line. What is not tokenward's is printed as it is. */
export async function logs(options: Options, file: string | undefined): Promise<void> {
  const { level } = options;
  const least = level === undefined ? 0 : (LEVELS as readonly string[]).indexOf(level);
  if (least === -1) throw new UsageError(`--level must be one of ${LEVELS.join(', ')}`);
  const input = file === undefined || file === '-' ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Infinity });
  const failed = new Promise<never>((_, reject) => {
    input.once('error', (error: NodeJS.ErrnoException) =>
      reject(new UsageError(`the log cannot be read (${error.code ?? 'error'})`)),
    );
  });
  const read = async (): Promise<void> => {
    for await (const text of lines) {
      const line = parsed(text);
      if (line === undefined) {
        if (!isFiltered(options)) print(`${text}\n`);
      } else if (isWanted(line, options, least)) print(options.json === true ? `${text}\n` : `${shown(line)}\n`);
    }
  };
  await Promise.race([read(), failed]);
}

function parsed(text: string): Line | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const line = JSON.parse(text) as Line;
    return typeof line['msg'] === 'string' || isAccess(line) ? line : undefined;
  } catch {
    return undefined;
  }
}

function isAccess(line: Line): boolean {
  return line['event.dataset'] === 'tokenward.access';
}

function isFiltered({ account, route, caller, level, request }: Options): boolean {
  return [account, route, caller, level, request].some((one) => one !== undefined);
}

function isWanted(line: Line, { account, route, caller, request }: Options, least: number): boolean {
  const is = (name: string, wanted: string | undefined): boolean =>
    wanted === undefined || (line[name] ?? line[`tokenward.${name}`]) === wanted;
  return (
    is('account', account) &&
    is('route', route) &&
    is('caller', caller) &&
    (request === undefined || IDS.some((name) => line[name] === request)) &&
    (LEVELS as readonly unknown[]).indexOf(line['level'] ?? line['log.level']) >= least
  );
}

/** `12:00:01.234 WARN  the login of crm failed  account=crm`. Times stay in UTC, as the log has them. */
function shown(line: Line): string {
  if (isAccess(line)) return shownAccess(line);
  const { time, level, msg } = line;
  const clock = clockOf(time);
  const label = String(level).toUpperCase().padEnd(5);
  const style = STYLES[String(level)];
  const fields = Object.entries(line)
    .filter(([name]) => !HEAD.has(name))
    .map(([name, value]) => `${name}=${quoted(value)}`);
  return [
    coloured(process.stdout, 'dim', clock),
    style === undefined ? label : coloured(process.stdout, style, label),
    clean(String(msg)),
    ...(fields.length === 0 ? [] : [coloured(process.stdout, 'dim', fields.join(' '))]),
  ].join('  ');
}

function clockOf(time: unknown): string {
  return typeof time === 'string' ? time.replace(/^(\d{4}-\d\d-\d\d)T([\d:.]+)Z$/, '$1 $2') : '-';
}

/** `12:00:01.234 HTTP   POST /crm/v1/x 200 12.3 ms  account=crm`. */
function shownAccess(line: Line): string {
  const text = (name: string): string => {
    const value = line[name];
    return typeof value === 'string' || typeof value === 'number' ? clean(String(value)) : '-';
  };
  const query = line['url.query'] === undefined ? '' : `?${text('url.query')}`;
  const failed = line['event.outcome'] === 'failure';
  const fields = Object.entries(ACCESS_FIELDS)
    .filter(([name]) => line[name] !== undefined)
    .map(([name, short]) => `${short}=${quoted(line[name])}`);
  return [
    coloured(process.stdout, 'dim', clockOf(line['@timestamp'])),
    coloured(process.stdout, failed ? 'red' : 'cyan', 'HTTP '),
    `${text('http.request.method')} ${text('url.path')}${query} ${text('http.response.status_code')} ` +
      `${(Number(line['event.duration']) / 1e6).toFixed(1)} ms`,
    coloured(process.stdout, 'dim', fields.join(' ')),
  ].join('  ');
}

function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return clean(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
}

/** A line of a log must not move the cursor of the terminal that shows it. */
function clean(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, ' ');
}
