import assert from 'node:assert/strict';
import { metric } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { freshPool } from './worker-pool.ts';

const READ = '/softline/v1/order/77';

describe('SIGHUP with a configuration that cannot be used', function () {
  this.timeout(60_000);
  const pool = freshPool();

  for (const { what, change, line, detail } of [
    {
      what: 'has a typo',
      change: { limitz: {} },
      line: 'the configuration was not reloaded; nothing has changed',
      detail: /limitz: unknown key; did you mean "limits"\?/,
    },
    {
      what: 'is no YAML any more',
      change: '{ "listen": ',
      line: 'the configuration was not reloaded; nothing has changed',
      detail: /line 1: not well-formed YAML or JSON/,
    },
    {
      what: 'names a certificate that is not there',
      change: { listen: { port: 0, tls: { certFile: '/nowhere/tls.crt', keyFile: '/nowhere/tls.key' } } },
      line: 'the configuration was not reloaded; nothing has changed',
      detail: /\/nowhere\/tls\.crt/,
    },
    {
      what: 'has another store key',
      change: (path: string) => ({ store: { type: 'embedded', path, key: Buffer.alloc(32, 'x').toString('base64') } }),
      line: 'the configuration was not reloaded; nothing has changed',
      detail: /sealed with another key/,
    },
  ] as const) {
    it(`because it ${what} changes nothing and says why; a worker that ends is replaced by one with the old one`, async function () {
      const { served, configure, pids, logged, lines, callAnew } = await pool(this, 2);
      assert.equal((await callAnew(READ)).status, 200);
      const before = await pids();
      assert.equal(await metric(served.operatorUrl, 'tokenward_config_last_reload_successful'), 1);
      configure(typeof change === 'function' ? change(storeOf(served.child.spawnargs)) : change);
      served.child.kill('SIGHUP');
      await logged(line);
      assert.equal(await metric(served.operatorUrl, 'tokenward_config_last_reload_successful'), 0);
      assert.match(lines().find(({ msg }) => msg === line)!.detail!, detail);
      assert.deepEqual(await pids(), before);
      for (let index = 0; index < 4; index += 1) assert.equal((await callAnew(READ)).status, 200);

      process.kill(before[0]!, 'SIGKILL');
      await eventually(
        'a new worker is up',
        async () => (await pids()).filter((pid) => !before.includes(pid)).length === 1,
        30_000,
      );
      for (let index = 0; index < 4; index += 1) assert.equal((await callAnew(READ)).status, 200);
      configure({});
      served.child.kill('SIGHUP');
      await logged('all workers run the current configuration');
      assert.equal(await metric(served.operatorUrl, 'tokenward_config_last_reload_successful'), 1);
      assert.equal(await served.end(), 0);
    });
  }
});

function storeOf(args: readonly string[]): string {
  return args.at(-1)!.replace(/[^/]+$/, 'store');
}
