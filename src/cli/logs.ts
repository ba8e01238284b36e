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
const IDS = ['id', 'request_id', 'request', 'trace_id', 'trace', 'traceId'];

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
    return typeof line['msg'] === 'string' ? line : undefined;
  } catch {
    return undefined;
  }
}

function isFiltered({ account, route, caller, level, request }: Options): boolean {
  return [account, route, caller, level, request].some((one) => one !== undefined);
}

function isWanted(line: Line, { account, route, caller, request }: Options, least: number): boolean {
  const is = (name: string, wanted: string | undefined): boolean => wanted === undefined || line[name] === wanted;
  return (
    is('account', account) &&
    is('route', route) &&
    is('caller', caller) &&
    (request === undefined || IDS.some((name) => line[name] === request)) &&
    (LEVELS as readonly unknown[]).indexOf(line['level']) >= least
  );
}

/** `12:00:01.234 WARN  the login of crm failed  account=crm`. Times stay in UTC, as the log has them. */
function shown(line: Line): string {
  const { time, level, msg } = line;
  const clock = typeof time === 'string' ? time.replace(/^(\d{4}-\d\d-\d\d)T([\d:.]+)Z$/, '$1 $2') : '-';
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

function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return clean(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
}

/** A line of a log must not move the cursor of the terminal that shows it. */
function clean(text: string): string {
  return text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, ' ');
}
