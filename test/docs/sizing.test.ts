import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { textsOf } from '../support/doc-page.ts';
import { startProxy } from '../support/proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';

const PAGE = 'docs/sizing.md';
const TEXT = readFileSync(PAGE, 'utf8');
/** What a connection says of itself, and what this test asks. */
const OURS = /^(hello|client|ping|info|config|select|auth)\b/;

describe(PAGE, () => {
  it('names scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = [...TEXT.matchAll(/`npm run ([\w:]+)/g)].map(([, name]) => name!);
    assert.ok(named.length > 8);
    for (const name of named) assert.ok(scripts[name] !== undefined, name);
    assert.deepEqual(textsOf(PAGE, 'sh'), []);
  });

  it('repeats the figures of the benchmark rightly', () => {
    const figures = readFileSync('docs/benchmarks.md', 'utf8');
    const [node20, node24] = ['tokenward 0', 'tokenward@24'].map((name) => {
      const row = figures.split('\n').find((line) => line.startsWith(`| **${name}`))!;
      return row.split('|').map((cell) => cell.trim());
    });
    for (const [name, column] of Object.entries({
      'small GET': 2,
      'POST of 1 KiB': 3,
      'download of 1 MiB': 6,
      upload: 7,
    })) {
      const row = TEXT.split('\n').find((line) => line.startsWith(`| ${name}`))!;
      assert.deepEqual(
        row
          .split('|')
          .slice(2, 4)
          .map((cell) => cell.trim()),
        [node20![column], node24![column]],
        name,
      );
    }
  });

  it('says how much a request and a renewal ask of Redis', async function () {
    const server = await startRedis(requireTool(this, 'redis-server'));
    const sandbox = await startSandbox();
    const key = randomBytes(32).toString('base64');
    const proxy = await startProxy(sandbox, {
      config: (base) => ({ ...base, store: { type: 'redis', url: server.url, key } }),
    });
    const ask = async (): Promise<void> => assert.equal((await call(proxy.url, '/crm/v1/licenses')).status, 200);
    try {
      await ask();
      await server.command('CONFIG', 'RESETSTAT');
      for (let requests = 0; requests < 50; requests += 1) await ask();
      const idle = await commandsAt(server);
      await server.command('CONFIG', 'RESETSTAT');
      sandbox.chatapp.revokeCurrent();
      await ask();
      const renewal = await commandsAt(server);
      // One write may have come in between, by which the store is proved to be usable.
      assert.ok(sum(idle) <= 10, JSON.stringify(idle));
      const [, most, scripts] = /at most (\d+) commands, of which at most (\d+) are scripts/.exec(TEXT)!;
      assert.ok(sum(renewal) > 0 && sum(renewal) <= Number(most), JSON.stringify(renewal));
      assert.ok((renewal['eval'] ?? 0) <= Number(scripts), JSON.stringify(renewal));
    } finally {
      await proxy.stop();
      await sandbox.close();
      await server.stop();
    }
  });
});

/** How often each command was carried out since the last reset. */
async function commandsAt(server: RedisServer): Promise<Record<string, number>> {
  const text = String(await server.command('INFO', 'commandstats'));
  const counts = [...text.matchAll(/^cmdstat_([\w|]+):calls=(\d+)/gm)].map(([, name, calls]) => [name!, Number(calls)]);
  return Object.fromEntries(counts.filter(([name]) => !OURS.test(String(name)))) as Record<string, number>;
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((all, one) => all + one, 0);
