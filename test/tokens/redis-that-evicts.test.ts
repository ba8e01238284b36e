import assert from 'node:assert/strict';
import { openStore, storeWarnings } from '../../src/app/open-store.ts';
import { parseConfig, type LoadedConfig } from '../../src/config/load.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { recorder } from '../support/proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';

describe('a Redis that evicts keys', () => {
  let server: RedisServer;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());
  afterEach(async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  const config = (more: Record<string, unknown> = {}): LoadedConfig =>
    parseConfig(
      JSON.stringify({
        store: {
          type: 'redis',
          url: server.url,
          key: Buffer.alloc(32, 'k').toString('base64'),
          commandTimeout: '2s',
          ...more,
        },
        accounts: { a: { flow: 'static', credentials: { token: 'some-token' } } },
        routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1', account: 'a' }],
      }),
      {},
    );
  const surroundings = (lines: string[]) => ({ log: recorder(lines), ownerIsGone: () => false });

  it('is warned of at the start, with what may come of it and what to set', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '100mb');
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    const lines: string[] = [];
    const { store } = await openStore(config(), surroundings(lines));
    await store.close();
    const [warning, ...others] = lines.map((line) => JSON.parse(line) as { level: string; message: string });
    assert.deepEqual([warning?.level, others], ['warn', []]);
    assert.match(
      warning!.message,
      /evicts keys when its memory is full.*volatile-lru.*more logins can be made than the budget allows.*noeviction/,
    );
    assert.match((await storeWarnings(config(), surroundings([])))[0]!, /volatile-lru/);
  });

  it('that has no limit of memory yet is warned of as well', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lfu');
    assert.match((await storeWarnings(config(), surroundings([]))).join(), /as soon as maxmemory is set.*allkeys-lfu/);
  });

  it('one with noeviction is not', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '100mb');
    const lines: string[] = [];
    await (await openStore(config(), surroundings(lines))).store.close();
    assert.deepEqual([lines, await storeWarnings(config(), surroundings([]))], [[], []]);
  });

  it('one whose user may not ask: it is said that nobody could look', async () => {
    await server.command('ACL', 'SETUSER', 'noinfo', 'on', '>secret', '~*', '&*', '+@all', '-info');
    const [warning] = await storeWarnings(config({ username: 'noinfo', password: 'secret' }), surroundings([]));
    assert.match(warning!, /may not use INFO.*noeviction/);
  });

  it('one that is away is an error, and an embedded store has nothing to be asked', async () => {
    await assert.rejects(storeWarnings(config({ url: 'redis://127.0.0.1:1' }), surroundings([])), StoreError);
    const embedded = parseConfig(
      JSON.stringify({
        store: { type: 'embedded', path: '/nowhere/at/all' },
        accounts: { a: { flow: 'static', credentials: { token: 'some-token' } } },
        routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1' }],
      }),
      {},
    );
    assert.deepEqual(await storeWarnings(embedded, surroundings([])), []);
  }).timeout(15_000);
});
