import { parseArgs } from 'node:util';
import { nearest } from '../nearest.ts';
import { UsageError } from './usage-error.ts';

/** The options of all commands. A command ignores those it does not use. */
export const OPTIONS = {
  config: { type: 'string', short: 'c' },
  operator: { type: 'string' },
  'operator-key-file': { type: 'string' },
  json: { type: 'boolean', default: false },
  login: { type: 'boolean', default: false },
  'use-reserve': { type: 'boolean', default: false },
  from: { type: 'string' },
  to: { type: 'string' },
  'dry-run': { type: 'boolean', default: false },
  device: { type: 'boolean', default: false },
  overwrite: { type: 'boolean', default: false },
  refresh: { type: 'boolean', default: false },
  path: { type: 'string' },
  route: { type: 'string' },
  curl: { type: 'string' },
  answer: { type: 'string' },
  name: { type: 'string' },
  token: { type: 'string' },
  attach: { type: 'string' },
  invalid: { type: 'string' },
  upstream: { type: 'string' },
  days: { type: 'string' },
  renew: { type: 'boolean', default: false },
  output: { type: 'string', short: 'o' },
  pkcs12: { type: 'string' },
  password: { type: 'string' },
  check: { type: 'boolean', default: false },
  format: { type: 'string' },
  proxy: { type: 'string' },
  'no-key': { type: 'boolean', default: false },
  caller: { type: 'string' },
  tunnel: { type: 'string', multiple: true },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8180' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const;

/** The parsed options, and the words behind `--`. */
export type Options = ReturnType<typeof parse>['values'] & { readonly command: readonly string[] };

/** Parses the command line. Throws a UsageError. */
export function readCommandLine(args: string[]): { values: Options; positionals: string[] } {
  const end = args.indexOf('--');
  const [own, command] = end === -1 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
  try {
    const { values, positionals } = parse(own);
    return { values: { ...values, command }, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split('. ')[0]! : 'wrong usage');
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true });
  } catch (error) {
    const [, word] = /^Unknown option '--([\w-]+)'/.exec((error as Error).message) ?? [];
    // Of several as near, the one that begins alike is meant.
    const alike = Object.keys(OPTIONS).filter((name) => name[0] === word?.[0]);
    const meant = word === undefined ? undefined : nearest(word, alike);
    if (meant === undefined) throw error;
    throw new UsageError(`Unknown option '--${word!}'; did you mean --${meant}?`);
  }
}

/** The path of the configuration. */
export function configFile(options: Options): string {
  return options.config ?? process.env['TOKENWARD_CONFIG'] ?? 'proxy.config.yaml';
}

/** Writes to standard output. */
export function print(text: string): void {
  process.stdout.write(text);
}
