import assert from 'node:assert/strict';
import { call, metric } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/operator.ts';
import { run } from '../support/process.ts';
import { freshProgram } from './reloadable-program.ts';

const READ = '/softline/v1/order/77';

interface Problem {
  readonly code: string;
  readonly errors: readonly { readonly line?: number; readonly path?: string; readonly message: string }[];
}

describe('a reload of a configuration that cannot be used', function () {
  this.timeout(60_000);
  const program = freshProgram();

  for (const { what, change, errors } of [
    {
      what: 'mistakes',
      change: { limitz: {}, egressProxy: 'nowhere' },
      errors: [/did you mean "limits"/, /must be env/],
    },
    { what: 'no YAML', change: '{ "listen": ', errors: [/not well-formed YAML or JSON/] },
    {
      what: 'a missing TLS file',
      change: { routes: [{ prefix: '/a', upstream: 'https://a.example', tls: { caFile: '/nowhere/ca.pem' } }] },
      errors: [/\/nowhere\/ca\.pem cannot be read/],
    },
    {
      what: 'another port and one more route',
      change: {
        listen: { host: '127.0.0.1', port: 1 },
        routes: [{ prefix: '/new', upstream: 'http://127.0.0.1:9' }],
      },
      errors: [/listen\.port.*needs a restart/],
    },
  ] as const) {
    it(`(${what}) changes nothing, and says why everywhere`, async function () {
      const { served, configure, reload, lines } = await program(this);
      assert.equal((await call(served.url, READ)).status, 200);
      const before = await statusOf(served);
      configure(change);
      const { status, headers, json } = await reload();
      assert.deepEqual([status, headers['content-type']], [422, 'application/problem+json; charset=utf-8']);
      const problem = json() as Problem;
      assert.equal(problem.code, 'config_refused');
      assert.equal(problem.errors.length, errors.length, JSON.stringify(problem.errors));
      for (const error of errors)
        assert.ok(
          problem.errors.some(({ message }) => error.test(message)),
          String(error),
        );

      assert.equal((await call(served.url, READ)).status, 200);
      assert.equal((await call(served.url, '/new')).status, 404);
      const { config } = await statusOf(served);
      assert.deepEqual([config?.hash, config?.since], [before.config?.hash, before.config?.since]);
      assert.deepEqual([config?.lastReload?.ok, config?.lastReload?.trigger], [false, 'operator']);
      const ready = await call(served.operatorUrl, '/readyz');
      assert.equal(ready.status, 200);
      assert.match(ready.text, /the last reload failed/);
      assert.equal(await metric(served.operatorUrl, 'tokenward_config_last_reload_successful'), 0);
      assert.equal(lines().filter(({ msg }) => msg.startsWith('the configuration was not reloaded')).length, 1);
      const shown = await run(['status', '--operator', served.operatorUrl]);
      assert.match(shown.stdout, /The configuration was not reloaded .* ago/);

      configure({});
      served.child.kill('SIGHUP');
      await eventually('it is reloaded', () => lines().some(({ msg }) => msg === 'the configuration was reloaded'));
      assert.equal(await metric(served.operatorUrl, 'tokenward_config_last_reload_successful'), 1);
      assert.equal((await call(served.operatorUrl, '/readyz')).text, '{"ready":true,"problems":[]}');
    });
  }

  it('the changes are returned, and no secret is among them', async function () {
    const { served, configure, reload } = await program(this);
    const secret = 'a-secret-that-nobody-may-see';
    const key = `sha256:${'ab'.repeat(32)}`;
    configure({
      accounts: { fresh: { flow: 'static', credentials: { token: secret } } },
      routes: [{ prefix: '/crm', upstream: 'https://crm.example', account: 'fresh', headers: { 'x-api-key': secret } }],
      callers: [{ name: 'billing', key }],
      limits: { inFlight: 77 },
    });
    const { status, json, text } = await reload();
    assert.equal(status, 200, text);
    const { changes } = json() as { changes: string[] };
    for (const change of [
      'limits.inFlight changed',
      'callers must authenticate from now on',
      'account crm removed',
      'account fresh added',
      'route /softline removed',
      'route /crm: upstream, account, headers changed',
    ])
      assert.ok(changes.includes(change), `${change} is not in ${changes.join('; ')}`);
    assert.equal((await call(served.url, '/crm')).status, 401);
    for (const output of [text, JSON.stringify(await statusOf(served)), served.output().stderr])
      assert.ok(!output.includes(secret) && !output.includes('abab'), output);
  });

  it('a caller whose key is removed is refused with the next request', async function () {
    const { served, configure, reload } = await program(this);
    const key = (digit: string): string => `key-${digit.repeat(30)}`;
    const { keyDigest } = await import('../../src/proxy/caller.ts');
    const caller = (name: string, digit: string): object => ({ name, key: keyDigest(key(digit)) });
    configure({ callers: [caller('one', '1'), caller('two', '2')] });
    assert.equal((await reload()).status, 200);
    const ask = async (digit: string): Promise<number> =>
      (await call(served.url, READ, { headers: { 'x-tokenward-key': key(digit) } })).status;
    assert.deepEqual([await ask('1'), await ask('2')], [200, 200]);
    configure({ callers: [caller('one', '1')] });
    assert.equal((await reload()).text, '{"ok":true,"changes":["caller two removed"]}');
    assert.deepEqual([await ask('1'), await ask('2')], [200, 403]);
  });
});
