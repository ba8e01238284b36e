import { existsSync, readFileSync } from 'node:fs';
import { bracketed } from '../app/proxy-address.ts';
import { ConfigError, loadConfig, type LoadedConfig } from '../config/load.ts';
import { DEFAULT_OPERATOR_PORT } from '../config/schema/operator.ts';
import { parseUrl } from '../parse-url.ts';
import { trimEnd } from '../trim-end.ts';
import { configFile, type ConfigOptions } from './options.ts';
import { UsageError } from './usage-error.ts';

/** The options of commands that talk to the operator port. */
export interface OperatorOptions extends ConfigOptions {
  readonly operator?: string;
  readonly operatorKeyFile?: string;
}

/** Where the operator port is. */
export interface OperatorAddress {
  readonly url: string;
  readonly key: string | undefined;
}

/** Throws a UsageError. */
export function operatorAddress(options: OperatorOptions): OperatorAddress {
  return { url: operatorUrl(options), key: operatorKey(options) };
}

/** From the option, the environment, the configuration, or where it is by default. */
function operatorUrl(options: OperatorOptions): string {
  const said = options.operator ?? (process.env['TOKENWARD_OPERATOR'] || undefined);
  if (said !== undefined) return asUrl(said);
  const file = configFile(options);
  const isNamed = options.config !== undefined || process.env['TOKENWARD_CONFIG'] !== undefined;
  if (!isNamed && !existsSync(file)) return `http://127.0.0.1:${DEFAULT_OPERATOR_PORT}`;
  let config: LoadedConfig;
  try {
    config = loadConfig(file, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(
      `the operator port's address comes from the configuration, but\n${error.message}\n` +
        'Name the port with --operator HOST:PORT',
    );
  }
  const { operator } = config;
  const reachable = ['0.0.0.0', '::'].includes(operator.host) ? '127.0.0.1' : operator.host;
  return `http://${bracketed(reachable)}:${operator.port}`;
}

/** `9090`, `:9090`, `localhost:9090`, `[::1]:9090`, or a URL. */
function asUrl(said: string): string {
  const hostAndPort = /^(?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*):)?(\d{1,5})$/.exec(said);
  const url = hostAndPort === null ? said : `http://${hostAndPort[1] || '127.0.0.1'}:${hostAndPort[2]!}`;
  if (!/^https?:\/\//.test(url) || parseUrl(url) === undefined)
    throw new UsageError('--operator must be HOST:PORT, or a URL such as http://127.0.0.1:9090');
  return trimEnd(url, '/');
}

/** The operator's key, if one is given. Throws a UsageError. */
function operatorKey({ operatorKeyFile: file }: OperatorOptions): string | undefined {
  if (file === undefined) return process.env['TOKENWARD_OPERATOR_KEY'] || undefined;
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new UsageError(`the file of --operator-key-file cannot be read (${code})`);
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError('the file of --operator-key-file must hold a key: one line of visible ASCII');
  }
  return key;
}
