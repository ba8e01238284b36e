import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { credentialSource } from '../../src/app/credentials.ts';
import { parseConfig, type LoadedConfig } from '../../src/config/load.ts';
import { pruneStore } from '../../src/app/prune-store.ts';
import { systemClock } from '../../src/tokens/clock.ts';
import { EMPTY_RECORD, Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { StoreError, type TokenStore } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { recorder, temporaryFolder } from '../support/proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisOptions } from './redis-factory.ts';

const KEY = Buffer.alloc(32, 'k').toString('base64');
const DAY = 86_400_000;
const surroundings = { log: recorder([]), ownerIsGone: () => false };

describe('store prune', () => {
  let server: RedisServer;
  let folder: string;
  let prefix = 0;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());
  beforeEach(() => {
    folder = temporaryFolder();
    prefix += 1;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const kind of ['embedded', 'redis'] as const) {
    const account = (name: string, more: object = {}): object => ({
      flow: 'chatapp',
      credentials: { email: `${name}@example.com`, password: 'x', appId: 'app' },
      ...more,
    });
    const config = (): LoadedConfig =>
      parseConfig(
        JSON.stringify({
          store:
            kind === 'embedded'
              ? { type: 'embedded', path: join(folder, 'data'), key: KEY }
              : { type: 'redis', url: server.url, key: KEY, keyPrefix: `prune-${prefix}`, commandTimeout: '2s' },
          accounts: {
            crm: account('crm'),
            renamed: account('renamed', { formerName: 'before' }),
            moved: account('moved', { formerName: 'left' }),
            damaged: account('damaged'),
          },
          routes: [{ prefix: '/crm', upstream: 'http://127.0.0.1:1', account: 'crm' }],
        }),
        {},
      );
    const place = (what: string, name: string): string =>
      kind === 'embedded' ? `${what}/${name}` : `prune-${prefix}:${what}:{${name}}`;
    const open = async (): Promise<TokenStore> =>
      kind === 'embedded'
        ? EmbeddedStore.open(join(folder, 'data'), { ownerIsGone: () => false, now: Date.now })
        : RedisStore.open(redisOptions(server, { keyPrefix: `prune-${prefix}` }));

    describe(`of the ${kind} store`, () => {
      let budget: string;
      beforeEach(async () => {
        const source = credentialSource(config(), systemClock, () => () => Promise.reject(new Error('no call')));
        budget = source.get('crm')!.budget!.key;
        const store = await open();
        const records = new Records(store, new Seal(sealingKey(KEY)), systemClock);
        const put = async (key: string, identity: string, generation: number): Promise<void> =>
          void (await records.replace(key, { ...EMPTY_RECORD, key, identity, generation }));
        await put('crm', source.get('crm')!.identity, 3);
        await put('crm#0a1b2c3d', 'somebody else', 4);
        await put('gone', 'nobody', 5);
        await put('gone#0a1b2c3d', 'nobody either', 6);
        await put('before', source.get('renamed')!.identity, 7);
        await put('moved', source.get('moved')!.identity, 8);
        await put('left', source.get('moved')!.identity, 9);
        for (const key of ['damaged', 'damaged-and-gone'])
          await store.replace(key, 0, { revision: 1, generation: 1, sealed: Buffer.from('rubbish') });
        await store.acquireLease('left-behind', 'a', 600_000);
        await store.acquireLease('crm', 'a', 600_000);
        const now = Date.now();
        await store.restoreBudget(budget, [now - 40 * DAY], 31 * DAY);
        await store.restoreBudget('old/flow', [now - 40 * DAY, now - 32 * DAY], 31 * DAY);
        await store.restoreBudget('young/flow', [now - 40 * DAY, now - 1_000], 31 * DAY);
        await store.close();
      });

      const expected = (): [string, number | undefined][] => [
        [place('record', 'crm#0a1b2c3d'), 4],
        [place('record', 'damaged-and-gone'), undefined],
        [place('record', 'gone'), 5],
        [place('record', 'gone#0a1b2c3d'), 6],
        [place('record', 'left'), 9],
        [place('lease', 'left-behind'), undefined],
        [place('budget', 'old/flow'), undefined],
      ];
      const prune = async (dryRun: boolean): Promise<[string, number | undefined][]> =>
        (await pruneStore(config(), surroundings, { dryRun })).removed.map(({ key, generation }) => [key, generation]);

      it('removes what no account owns, and nothing else', async () => {
        assert.deepEqual(await prune(false), expected());
        const store = await open();
        assert.deepEqual((await store.accounts()).sort(), ['before', 'crm', 'damaged', 'moved']);
        assert.deepEqual(await store.leased(), ['crm']);
        assert.deepEqual((await store.budgets()).map((one) => one.budget).sort(), [budget, 'young/flow'].sort());
        await store.close();
        assert.deepEqual(await prune(false), []);
      });

      it('only says so with dryRun', async () => {
        assert.deepEqual(await prune(true), expected());
        assert.deepEqual(await prune(true), expected());
      });
    });
  }

  it('makes no store where there is none', async () => {
    const config = parseConfig(
      JSON.stringify({
        store: { type: 'embedded', path: join(folder, 'none'), key: KEY },
        accounts: { a: { flow: 'static', credentials: { token: 'some-token' } } },
        routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1' }],
      }),
      {},
    );
    await assert.rejects(
      pruneStore(config, surroundings, { dryRun: true }),
      (error: Error) => error instanceof StoreError && /no store in .*nothing to prune/.test(error.message),
    );
  });
});
