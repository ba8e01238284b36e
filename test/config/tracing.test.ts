import assert from 'node:assert/strict';
import { ConfigError, parseConfig } from '../../src/config/load.ts';
import { describeChanges } from '../../src/config/changes.ts';
import { keysThatNeedRestart } from '../../src/config/reloadable.ts';

const load = (tracing?: object) =>
  parseConfig(
    JSON.stringify({
      accounts: { a: { flow: 'static', credentials: { token: '${TOKEN}' } } },
      routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1' }],
      ...(tracing && { tracing }),
    }),
    { OTLP_KEY: 'secret-of-the-receiver', TOKEN: 'token-of-the-account' },
  );

function issuesOf(tracing: object): string[] {
  try {
    load(tracing);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.issues.map(({ path, message }) => `${path}: ${message}`);
  }
  return [];
}

describe('tracing', () => {
  it('is off unless it is configured, and needs only an endpoint', () => {
    assert.equal(load().tracing, undefined);
    assert.deepEqual(load({ endpoint: 'http://collector:4318' }).tracing, {
      endpoint: 'http://collector:4318',
      sample: 1,
      headers: {},
      service: 'tokenward',
      attributes: {},
    });
  });

  it('names every mistake with its place', () => {
    for (const [settings, expected] of [
      [{}, /^tracing\.endpoint: /],
      [{ endpoint: 'collector:4318' }, /^tracing\.endpoint: must be an http:\/\/ or https:\/\/ URL$/],
      [{ endpoint: 'http://u:p@collector' }, /^tracing\.endpoint: must have no user, password/],
      [{ endpoint: 'http://c', sample: 2 }, /^tracing\.sample: /],
      [{ endpoint: 'http://c', headers: { 'a b': 'x' } }, /^tracing\.headers/],
      [
        { endpoint: 'http://c', headers: { key: 'a\nb' } },
        /^tracing\.headers\.key: holds characters that cannot be sent/,
      ],
      [{ endpoint: 'http://c', attributes: { '1': 'x' } }, /^tracing\.attributes/],
      [{ endpoint: 'http://c', url: 'x' }, /^tracing\.url: /],
    ] as const) {
      const issues = issuesOf(settings);
      assert.equal(issues.length, 1, issues.join('\n'));
      assert.match(issues[0]!, expected);
    }
  });

  it("takes a receiver's key from the environment, and warns of one in the file", () => {
    const config = load({ endpoint: 'http://c', headers: { 'api-key': '${OTLP_KEY}', 'x-scope-orgid': 'shop' } });
    assert.equal(config.tracing?.headers['api-key'], 'secret-of-the-receiver');
    assert.deepEqual([...config.secretVariables], ['TOKEN', 'OTLP_KEY']);
    assert.deepEqual(config.warnings, []);
    for (const name of ['authorization', 'x-honeycomb-team'])
      assert.deepEqual(
        load({ endpoint: 'http://c', headers: { [name]: 'inline-value-1234' } }).warnings.map(({ path }) => path),
        [`tracing.headers.${name}`],
      );
  });

  it('warns of the port of gRPC', () => {
    const [warning, ...more] = load({ endpoint: 'http://collector:4317' }).warnings;
    assert.deepEqual(more, []);
    assert.match(`${warning!.path} ${warning!.message}`, /^tracing\.endpoint has port 4317, .* 4318$/);
  });

  it('can be reloaded, and the change is told without a value', () => {
    const [present, next] = [load({ endpoint: 'http://c' }), load({ endpoint: 'http://c', headers: { key: 'k-1' } })];
    assert.deepEqual(keysThatNeedRestart(present, next), []);
    assert.deepEqual(describeChanges(present, next), ['tracing.headers changed']);
  });
});
