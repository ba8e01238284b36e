import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { open } from 'lmdb';
import { EMPTY_RECORD, Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { RecordError, StoreError, type TokenStore } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { FakeClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisOptions } from './redis-factory.ts';

const KEY = sealingKey(randomBytes(32).toString('base64'));
const OTHER_KEY = sealingKey(randomBytes(32).toString('base64'));

/** What stands inside the seal, and is no record. */
const INSIDE: Readonly<Record<string, string>> = {
  'no JSON': '{"identity":"who"',
  'JSON null': 'null',
  'a list': '[]',
  'a text': '"identity"',
  'no identity': '{}',
  'an identity that is a number': '{"identity":7}',
  'an identity in __proto__': '{"__proto__":{"identity":"who"}}',
  'a token without a secret': '{"identity":"who","token":{"obtainedAt":1}}',
  'a token with an empty secret': '{"identity":"who","token":{"secret":"","obtainedAt":1}}',
  'a secret that is a number': '{"identity":"who","token":{"secret":7,"obtainedAt":1}}',
  'a secret in __proto__': '{"identity":"who","token":{"__proto__":{"secret":"x"},"obtainedAt":1}}',
  'a token without a time': '{"identity":"who","token":{"secret":"x"}}',
  'a time that was no number (NaN)': '{"identity":"who","token":{"secret":"x","obtainedAt":null}}',
  'an end that was no number (NaN)': '{"identity":"who","token":{"secret":"x","obtainedAt":1,"expiresAt":null}}',
  'an endless number': '{"identity":"who","token":{"secret":"x","obtainedAt":1,"expiresAt":1e999}}',
  'a refresh token that is an object': '{"identity":"who","token":{"secret":"x","obtainedAt":1,"refresh":{}}}',
  'a token that is a list': '{"identity":"who","token":[]}',
  'an intent of an unknown kind': '{"identity":"who","intent":{"kind":"logout","startedAt":1,"attempt":1}}',
  'an intent without a time': '{"identity":"who","intent":{"kind":"login","attempt":1}}',
  'a dead mark without credentials': '{"identity":"who","dead":{"reason":"x","since":1}}',
  'failures that are a text': '{"identity":"who","failures":"3"}',
  'failures below zero': '{"identity":"who","failures":-1}',
  'a retryAt that is a text': '{"identity":"who","retryAt":"soon"}',
};

/** Bytes in the place of a seal. */
const SEALS: Readonly<Record<string, (good: Buffer) => Buffer>> = {
  'of an unknown format': (good) => Buffer.concat([Buffer.from([2]), good.subarray(1)]),
  'with a bit turned': (good) => Buffer.concat([good.subarray(0, -1), Buffer.from([good.at(-1)! ^ 1])]),
  'cut in half': (good) => good.subarray(0, good.length / 2),
  empty: () => Buffer.alloc(0),
  'of another key': () => new Seal(OTHER_KEY).seal('{"identity":"who"}', 'tokenward\ncrm\n1'),
  'of another account': () => new Seal(KEY).seal('{"identity":"who"}', 'tokenward\nshop\n1'),
};

describe('a record that does not open', () => {
  let server: RedisServer;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());

  for (const kind of ['embedded', 'redis'] as const) {
    describe(`in the ${kind} store`, () => {
      let folder: string;
      let store: TokenStore;
      let records: Records;
      let place: string;
      beforeEach(async () => {
        folder = temporaryFolder();
        const keyPrefix = `damaged-${Math.random()}`;
        store =
          kind === 'embedded'
            ? EmbeddedStore.open(folder, { ownerIsGone: () => false, now: Date.now })
            : await RedisStore.open(redisOptions(server, { keyPrefix }));
        place = kind === 'embedded' ? 'record/crm' : `${keyPrefix}:record:{crm}`;
        records = new Records(store, new Seal(KEY), new FakeClock());
        await records.replace('shop', { ...EMPTY_RECORD, generation: 1, identity: 'who' });
      });
      afterEach(async () => {
        await store.close();
        rmSync(folder, { recursive: true, force: true });
      });

      /** It names the account and the row, and nothing else is touched by it. */
      async function concernsItsOwnAccountOnly(what: string, more: RegExp = /./): Promise<void> {
        const named = (error: unknown): boolean =>
          error instanceof RecordError &&
          error.message.includes('account crm ') &&
          error.message.includes(place) &&
          error.message.includes('left unchanged') &&
          more.test(error.message);
        const before = await raw();
        await assert.rejects(records.read('crm'), named, what);
        await assert.rejects(records.read('crm', 'who'), named, what);
        assert.deepEqual(await raw(), before);
        assert.equal((await records.read('shop')).identity, 'who');
        await store.check();
      }

      async function raw(): Promise<unknown> {
        if (kind === 'redis')
          return server
            .command('TYPE', place)
            .then(async (type) => (type === 'hash' ? server.command('HGETALL', place) : server.command('GET', place)));
        return withRaw((db) => db.get(place));
      }

      async function withRaw<T>(act: (db: ReturnType<typeof open<string, string>>) => T | Promise<T>): Promise<T> {
        const db = open<string, string>({
          path: join(folder, 'tokens.mdb'),
          encoding: 'string',
          overlappingSync: false,
          noSubdir: true,
          maxReaders: 512,
        });
        try {
          return await act(db);
        } finally {
          await db.close();
        }
      }

      for (const [what, text] of Object.entries(INSIDE)) {
        it(`${what} inside the seal: the error names account and key, and concerns nobody else`, async () => {
          await store.replace('crm', 0, {
            revision: 1,
            generation: 1,
            sealed: new Seal(KEY).seal(text, 'tokenward\ncrm\n1'),
          });
          await concernsItsOwnAccountOnly(what);
        });
      }

      for (const [what, spoil] of Object.entries(SEALS)) {
        it(`a seal ${what}: the error names account and key, and concerns nobody else`, async () => {
          const good = new Seal(KEY).seal('{"identity":"who"}', 'tokenward\ncrm\n1');
          await store.replace('crm', 0, { revision: 1, generation: 1, sealed: spoil(good) });
          await concernsItsOwnAccountOnly(
            what,
            what === 'of another key'
              ? new RegExp(OTHER_KEY.id.toString('hex'))
              : what === 'of an unknown format'
                ? /format \(2\)/
                : /./,
          );
        });
      }

      it('a row that is none of this program: the same, for reading and for writing', async () => {
        const rows =
          kind === 'embedded'
            ? [
                '',
                '{',
                'null',
                '[]',
                '{"__proto__":{"revision":1,"generation":1,"sealed":""}}',
                '{"revision":"1","generation":1,"sealed":"x"}',
                '{"revision":1,"generation":-1,"sealed":"x"}',
              ].map((text) => () => withRaw((db) => db.put(place, text)))
            : [
                () => server.command('SET', place, 'a text'),
                () => server.command('HSET', place, 'revision', '1'),
                () => server.command('HSET', place, 'revision', 'one', 'generation', '1', 'sealed', ''),
                () => server.command('HSET', place, 'revision', '1', 'generation', 'x', 'sealed', ''),
                () =>
                  server.command('HSET', place, 'revision', '1e3', 'generation', '99999999999999999999', 'sealed', ''),
              ];
        for (const [index, write] of rows.entries()) {
          if (kind === 'redis') await server.command('DEL', place);
          await write();
          await concernsItsOwnAccountOnly(`row ${index}`);
          const written = await store
            .replace('crm', 1, { revision: 2, generation: 1, sealed: Buffer.from('x') })
            .catch((error: unknown) => error);
          assert.ok(
            written === false || (written instanceof RecordError && written.message.includes(place)),
            `row ${index}: ${String(written)}`,
          );
        }
      });

      it('a lease that cannot be read holds nobody up', async () => {
        const lease = place.replace('record', 'lease');
        if (kind === 'redis') await server.command('HSET', lease, 'owner', 'x');
        for (const text of kind === 'redis' ? [''] : ['', '{', 'null', '7', '{"owner":7,"until":9e15}']) {
          if (kind === 'embedded') await withRaw((db) => db.put(lease, text));
          await store.releaseLease('crm', 'a');
          assert.equal(await store.acquireLease('crm', 'a', 30_000), true, text);
          assert.equal(await store.acquireLease('crm', 'b', 30_000), false, text);
        }
      });

      it('a count of logins that cannot be read never counts as none: the error names it, and other counts go on', async () => {
        const budget = place.replace('record', 'budget');
        for (const text of kind === 'redis'
          ? ['x']
          : ['', '{', 'null', '{}', '{"0":1}', '[1,"2"]', '[null]', '[1e999]']) {
          if (kind === 'embedded') await withRaw((db) => db.put(budget, text));
          else await server.command('SET', budget, text);
          const named = (error: unknown): boolean => error instanceof RecordError && error.message.includes(budget);
          await assert.rejects(store.debit('crm', Date.now(), 86_400_000, 80), named, text);
          await assert.rejects(store.used('crm', Date.now(), 86_400_000), named, text);
          await assert.rejects(store.takeBack('crm', 1), named, text);
          await assert.rejects(store.budgets(), named, text);
          assert.equal((await store.debit(`another-${text}`, Date.now(), 86_400_000, 80)).granted, true);
        }
      });

      it('an error of the store itself is none of these', async () => {
        await store.close();
        await assert.rejects(
          records.read('crm'),
          (error: unknown) => error instanceof StoreError && !(error instanceof RecordError),
        );
      });
    });
  }
});
