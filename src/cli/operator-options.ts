import { readFileSync } from 'node:fs';
import { bracketed } from '../app/proxy-address.ts';
import { ConfigError, loadConfig, type LoadedConfig } from '../config/load.ts';
import { parseUrl } from '../parse-url.ts';
import { trimEnd } from '../trim-end.ts';
import { configFile, type Options } from './options.ts';
import { UsageError } from './usage-error.ts';

/** The operator port's URL, from the options, the environment or the configuration. Throws a UsageError. */
export function operatorUrl(options: Options): string {
  const url = options.operator ?? process.env['TOKENWARD_OPERATOR'];
  if (url !== undefined) {
    if (!/^https?:\/\//.test(url) || parseUrl(url) === undefined) {
      throw new UsageError('--operator must be a URL such as http://127.0.0.1:9090');
    }
    return trimEnd(url, '/');
  }
  let config: LoadedConfig;
  try {
    config = loadConfig(configFile(options), process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(
      `the operator port's address comes from the configuration, but\n${error.message}\n` +
        'Set the port with --operator URL',
    );
  }
  const { operator } = config;
  const reachable = ['0.0.0.0', '::'].includes(operator.host) ? '127.0.0.1' : operator.host;
  return `http://${bracketed(reachable)}:${operator.port}`;
}

/** The operator's key, if one is given. Throws a UsageError. */
export function operatorKey(options: Options): string | undefined {
  const file = options['operator-key-file'];
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
