import assert from 'node:assert/strict';
import { parseConfig, ConfigError, type ConfigIssue, type LoadedConfig } from '../../src/config/load.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The smallest configuration there is, as lines of YAML to put others behind. */
export const SMALLEST = [
  'accounts:',
  '  shop: { flow: static, credentials: { token: secret } }',
  'routes:',
  '  - { prefix: /shop, upstream: https://shop.example, account: shop }',
].join('\n');

/**
 * `SMALLEST` with more keys on the account or on the route, written as YAML's flow style wants them: `lifetime: 60`.
 */
export function smallest(more: { account?: string; credentials?: string; route?: string; top?: string }): string {
  return [
    ...(more.top === undefined ? [] : [more.top]),
    'accounts:',
    `  shop: { flow: static, credentials: { ${more.credentials ?? 'token: secret'} }${more.account === undefined ? '' : `, ${more.account}`} }`,
    'routes:',
    `  - { prefix: /shop, upstream: https://shop.example, account: shop${more.route === undefined ? '' : `, ${more.route}`} }`,
  ].join('\n');
}

export function load(text: string, environment: Environment = {}): LoadedConfig {
  return parseConfig(text, environment, 'test.yaml');
}

/** What is wrong with a configuration. Fails if nothing is. */
export function mistakesOf(text: string, environment: Environment = {}): readonly ConfigIssue[] {
  return errorOf(text, environment).issues.map(plainIssue);
}

/** An issue without what only the command line shows of it: column, excerpt, code. */
export function plainIssue({ path, line, message, file }: ConfigIssue): ConfigIssue {
  return { path, line, message, ...(file !== undefined && { file }) };
}

export function errorOf(text: string, environment: Environment = {}): ConfigError {
  try {
    load(text, environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError, `not a ConfigError: ${String(error)}`);
    return error;
  }
  return assert.fail('the configuration was accepted');
}

/** The mistakes as `path: message`. */
export function said(text: string, environment: Environment = {}): string[] {
  return mistakesOf(text, environment).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
}
