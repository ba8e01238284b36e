import assert from 'node:assert/strict';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { describeStart } from '../../src/app/start-line.ts';
import { VERSION } from '../../src/version.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { serve } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const ACCOUNTS = {
  accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
  routes: [
    { prefix: '/a', upstream: 'https://a.example', account: 'a' },
    { prefix: '/b', upstream: 'https://b.example' },
  ],
};
const KEY = Buffer.alloc(32, 'k').toString('base64');

describe('the line that says that tokenward is up', () => {
  const folder = freshFolder();

  it('names the version, the configuration, how many accounts and routes it has, and the store', async function () {
    requireBuild(this);
    const path = join(folder(), 'store');
    const file = writeConfig(folder(), {
      ...ACCOUNTS,
      listen: { port: 0 },
      operator: { port: 0 },
      callers: 'none',
      store: { type: 'embedded', path },
    });
    const served = await serve(['-c', file]);
    assert.equal(await served.end(), 0);
    const line = served
      .output()
      .stderr.split('\n')
      .find((text) => text.includes('tokenward is up'))!;
    const { version, file: named, accounts, routes, store, level } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual(
      { version, named, accounts, routes, store, level },
      { version: VERSION, named: file, accounts: 1, routes: 2, store: `embedded in ${path}`, level: 'info' },
    );
  });

  it('names the address and the socket that callers reach it by', async function () {
    requireBuild(this);
    const socket = join(folder(), 'a.sock');
    const store = { type: 'embedded', path: join(folder(), 'store') };
    const listen = { port: 0, socket };
    const both = writeConfig(folder(), { ...ACCOUNTS, listen, operator: { port: 0 }, callers: 'none', store });
    const served = await serve(['-c', both]);
    assert.equal(await served.end(), 0);
    assert.match(served.url, new RegExp(`^http://127\\.0\\.0\\.1:\\d+, unix:${socket}$`));
  });

  for (const [what, store, place] of [
    [
      'a Redis without its password',
      { url: 'rediss://user:hunter2@redis.example:6380/1' },
      'redis at redis.example:6380',
    ],
    [
      'a Redis behind sentinels',
      { sentinel: { name: 'main', nodes: ['s1.example:26379', 's2.example:26379'] } },
      'redis main behind s1.example:26379, s2.example:26379',
    ],
    [
      'a Redis Cluster',
      { cluster: { nodes: ['c1.example:6379', 'c2.example:6379'] } },
      'redis cluster c1.example:6379, c2.example:6379',
    ],
  ] as const) {
    it(`names ${what}`, () => {
      const config = loadConfig(
        writeConfig(folder(), { ...ACCOUNTS, store: { type: 'redis', key: KEY, ...store } }),
        {},
      );
      assert.equal(describeStart(config, 'x').store, place);
    });
  }
});
