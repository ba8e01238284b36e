import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { copyStore } from '../../src/app/copy-store.ts';
import { parseConfig, type LoadedConfig } from '../../src/config/load.ts';
import type { CopyReport } from '../../src/tokens/copy.ts';
import { Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { StoreError, type TokenStore } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { FakeClock } from '../support/clock.ts';
import { writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { recorder, sandboxConfigObject, startProxy, temporaryFolder, type ConfigObject } from '../support/proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { tokenCalls, VENDORS } from '../support/world.ts';
import { redisOptions } from './redis-factory.ts';

const KEYS = { embedded: randomBytes(32).toString('base64'), redis: randomBytes(32).toString('hex') };
const surroundings = { log: recorder([]), owner: 'copy', ownerIsGone: () => false };

describe('tokenward store copy', () => {
  let server: RedisServer;
  let sandbox: Sandbox;
  let folder: string;
  let prefix = 0;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());
  beforeEach(async () => {
    sandbox = await startSandbox();
    folder = temporaryFolder();
    prefix += 1;
  });
  afterEach(async () => {
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const storeOf = (kind: 'embedded' | 'redis'): ConfigObject =>
    kind === 'embedded'
      ? { type: 'embedded', path: join(folder, 'data'), key: KEYS.embedded }
      : { type: 'redis', url: server.url, key: KEYS.redis, keyPrefix: `copy-${prefix}` };
  const configOf = (kind: 'embedded' | 'redis'): ConfigObject => ({
    ...sandboxConfigObject(sandbox, ''),
    store: storeOf(kind),
  });
  const load = (kind: 'embedded' | 'redis'): LoadedConfig => parseConfig(JSON.stringify(configOf(kind)), {});
  const copy = (
    from: 'embedded' | 'redis',
    to: 'embedded' | 'redis',
    options: { overwrite?: boolean; dryRun?: boolean } = {},
  ): Promise<CopyReport> =>
    copyStore(load(from), load(to), surroundings, { overwrite: false, dryRun: false, ...options });

  /** Runs tokenward over that store for as long as it takes to ask every vendor once. */
  async function use(kind: 'embedded' | 'redis'): Promise<void> {
    const proxy = await startProxy(sandbox, { folder: join(folder, 'unused'), config: () => configOf(kind) });
    try {
      for (const { read } of VENDORS) assert.equal((await call(proxy.url, read)).status, 200);
    } finally {
      await proxy.stop();
    }
  }

  async function withStore<T>(
    kind: 'embedded' | 'redis',
    act: (store: TokenStore, records: Records) => Promise<T>,
  ): Promise<T> {
    const store: TokenStore =
      kind === 'embedded'
        ? EmbeddedStore.open(join(folder, 'data'), { ownerIsGone: () => false, now: () => Date.now() })
        : await RedisStore.open(redisOptions(server, { keyPrefix: `copy-${prefix}` }));
    try {
      return await act(store, new Records(store, new Seal(sealingKey(KEYS[kind])), new FakeClock()));
    } finally {
      await store.close();
    }
  }

  for (const [from, to] of [
    ['embedded', 'redis'],
    ['redis', 'embedded'],
  ] as const) {
    describe(`from ${from} to ${to}, with another key`, () => {
      it('the new store serves without a login, refreshes with what was copied, and knows the logins spent', async () => {
        await use(from);
        const report = await copy(from, to);
        assert.deepEqual(
          report.accounts.map(({ account, outcome }) => [account, outcome]),
          [
            ['crm', 'copied'],
            ['softline', 'copied'],
            ['twin', 'copied'],
          ],
        );
        assert.deepEqual([report.logins, report.refused], [1, false]);
        await use(to);
        for (const { vendor } of VENDORS) assert.equal(tokenCalls(sandbox, vendor), 1);
        sandbox.chatapp.revokeCurrent();
        await use(to);
        assert.deepEqual(
          sandbox.ledger
            .entries({ vendor: 'chatapp', where: ({ kind }) => kind !== 'api' })
            .map(({ kind, outcome }) => [kind, outcome]),
          [
            ['login', 'ok'],
            ['refresh', 'ok'],
          ],
        );
        const [budget] = await withStore(to, (store) => store.budgets());
        assert.equal(budget?.entries.length, 1);
      });

      it('run again, it changes nothing and counts no login twice', async () => {
        await use(from);
        await copy(from, to);
        const before = await withStore(to, (store) => Promise.all(VENDORS.map(({ account }) => store.read(account))));
        const again = await copy(from, to);
        assert.deepEqual([...new Set(again.accounts.map(({ outcome }) => outcome))], ['already there']);
        assert.equal(again.logins, 0);
        assert.deepEqual(
          await withStore(to, (store) => Promise.all(VENDORS.map(({ account }) => store.read(account)))),
          before,
        );
        assert.equal((await withStore(to, (store) => store.budgets()))[0]?.entries.length, 1);
      });

      it('a target that has gone on is left alone, and nothing at all is written', async () => {
        await use(from);
        await copy(from, to);
        sandbox.chatapp.revokeCurrent();
        await use(to);
        await withStore(from, async (store, records) => {
          const record = await records.read('softline');
          await records.replace('softline', { ...record, generation: 9 });
          assert.equal((await store.read('softline'))?.generation, 9);
        });
        const report = await copy(from, to);
        assert.equal(report.refused, true);
        assert.equal(report.accounts.find(({ account }) => account === 'crm')?.outcome, 'in the way');
        assert.equal((await withStore(to, (store) => store.read('softline')))?.generation, 1);
      });

      it("--overwrite takes the source all the same, as the generation after the target's", async () => {
        await use(from);
        await copy(from, to);
        sandbox.chatapp.revokeCurrent();
        await use(to);
        const report = await copy(from, to, { overwrite: true });
        assert.deepEqual(
          report.accounts.find(({ account }) => account === 'crm'),
          { account: 'crm', generation: 3, outcome: 'copied' },
        );
        const [source, target] = [
          await withStore(from, (_, records) => records.read('crm')),
          await withStore(to, (_, records) => records.read('crm')),
        ];
        assert.equal(target.token?.reveal(), source.token?.reveal());
        assert.equal(
          (await copy(from, to)).accounts.find(({ account }) => account === 'crm')?.outcome,
          'already there',
        );
      });

      it('an open spend intent and a dead mark go with the record', async () => {
        await use(from);
        await withStore(from, async (_, records) => {
          const record = await records.read('crm');
          await records.replace('crm', {
            ...record,
            intent: { kind: 'refresh', startedAt: 1_000, attempt: 1 },
            dead: { reason: 'refused', since: 2_000, credentials: 'x' },
            failures: 3,
            retryAt: 4_000,
          });
        });
        await copy(from, to);
        const { intent, dead, failures, retryAt } = await withStore(to, (_, records) => records.read('crm'));
        assert.deepEqual(
          [intent, dead, failures, retryAt],
          [
            { kind: 'refresh', startedAt: 1_000, attempt: 1 },
            { reason: 'refused', since: 2_000, credentials: 'x' },
            3,
            4_000,
          ],
        );
      });
    });
  }

  it('says what it would do, and does nothing: --dry-run', async () => {
    await use('embedded');
    const report = await copy('embedded', 'redis', { dryRun: true });
    assert.deepEqual([report.accounts.length, report.logins], [3, 1]);
    assert.deepEqual(await withStore('redis', (store) => store.accounts()), []);
  });

  it('notices a tokenward that goes on with the source', async () => {
    await use('embedded');
    const from = load('embedded');
    const copying = withStore('embedded', async (store, records) => {
      // As if it renewed at the very moment: between the reading and the end of the copy.
      const read = EmbeddedStore.prototype.budgets;
      EmbeddedStore.prototype.budgets = async function () {
        EmbeddedStore.prototype.budgets = read;
        await records.replace('twin', await records.read('twin'));
        return store.budgets();
      };
      await copyStore(from, load('redis'), surroundings, { overwrite: false, dryRun: false });
    });
    await assert.rejects(
      copying,
      (error: Error) => error instanceof StoreError && /twin was changed by a running tokenward/.test(error.message),
    );
  });

  it('a record that the key does not open stops it before anything is written', async () => {
    await use('embedded');
    const from = parseConfig(
      JSON.stringify({
        ...configOf('embedded'),
        store: { ...storeOf('embedded'), key: randomBytes(32).toString('hex') },
      }),
      {},
    );
    await assert.rejects(
      copyStore(from, load('redis'), surroundings, { overwrite: false, dryRun: false }),
      (error: Error) => error instanceof StoreError && /another key/.test(error.message),
    );
    assert.deepEqual(await withStore('redis', (store) => store.accounts()), []);
  });

  describe('as a command', () => {
    let from: string;
    let to: string;
    beforeEach(function () {
      requireBuild(this);
      from = writeConfig(folder, configOf('embedded'), 'old.yaml');
      to = writeConfig(folder, configOf('redis'), 'new.yaml');
    });

    it('says what it did, account by account', async () => {
      await use('embedded');
      assert.deepEqual(await run(['store', 'copy', '--from', from, '--to', to, '--dry-run']), {
        code: 0,
        stderr: '',
        stdout:
          'crm       generation 1  to be copied\nsoftline  generation 1  to be copied\ntwin      generation 1  to be copied\n3 accounts, 3 to be copied; 1 counted logins to be carried over\n',
      });
      assert.deepEqual(await run(['store', 'copy', '--from', from, '--to', to]), {
        code: 0,
        stderr: '',
        stdout:
          'crm       generation 1  copied\nsoftline  generation 1  copied\ntwin      generation 1  copied\n3 accounts, 3 copied; 1 counted logins carried over\n',
      });
    });

    it('ends with 1 when something is in the way, and with 0 when told to overwrite it', async () => {
      await use('embedded');
      await run(['store', 'copy', '--from', from, '--to', to]);
      sandbox.chatapp.revokeCurrent();
      await use('redis');
      const { code, stdout, stderr } = await run(['store', 'copy', '--from', from, '--to', to]);
      assert.equal(code, 1);
      assert.match(stdout, /^crm +generation 2 {2}the target has one that is as new or newer$/m);
      assert.match(stderr, /^tokenward: Nothing was copied\. .*--overwrite/);
      assert.equal((await run(['store', 'copy', '--from', from, '--to', to, '--overwrite'])).code, 0);
    });

    it('ends with 1 where there is no store to copy from, and makes none', async () => {
      const { code, stderr } = await run(['store', 'copy', '--from', from, '--to', to]);
      assert.equal(code, 1);
      assert.match(stderr, /There is no store in /);
      assert.equal(existsSync(join(folder, 'data')), false);
    });

    it('ends with 2 when both are the same store', async () => {
      const other = writeConfig(
        folder,
        { ...configOf('embedded'), store: { ...storeOf('embedded'), key: KEYS.redis } },
        'other.yaml',
      );
      const { code, stderr } = await run(['store', 'copy', '--from', from, '--to', other]);
      assert.equal(code, 2);
      assert.match(stderr, /the same store.*rekey/);
    });
  });
});
