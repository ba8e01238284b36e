import assert from 'node:assert/strict';
import { Authorities } from '../../src/authority/authorities.ts';
import { systemClock } from '../../src/tokens/clock.ts';
import { Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { RecordError, sharedKey, type TokenStore } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { freshFolder } from '../support/files.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisOptions } from '../tokens/redis-factory.ts';
import { recordsOf } from './world.ts';

const PLAN = { hosts: ['api.vendor.example', 'login.vendor.example'] };
const KEY = sharedKey('authority');

/** Several processes' views of one store. */
async function shareOne(stores: readonly TokenStore[]): Promise<void> {
  const views = stores.map((store) => new Authorities(recordsOf(store), systemClock));
  const made = await Promise.all(views.map((view) => view.make(PLAN)));
  assert.equal(new Set(made.map(({ authority }) => authority.fingerprint)).size, 1);
  assert.equal(made.filter((one) => one.made).length, 1);
  const [first] = made;
  const renewed = await views[0]!.renew({ hosts: [...PLAN.hosts, 'new.vendor.example'] });
  const seen = await views[1]!.newer(first!.authority);
  assert.deepEqual([seen?.fingerprint, seen?.generation], [renewed.fingerprint, 2]);
  assert.equal(await views[1]!.newer(renewed), undefined);
  assert.ok(seen!.covers('new.vendor.example'));
  assert.ok((await seen!.certificateFor('new.vendor.example')).cert.includes('BEGIN CERTIFICATE'));
}

describe('the authority in the store', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  let redis: RedisServer | undefined;
  afterEach(async () => {
    await redis?.stop();
    redis = undefined;
  });

  it('is one for all who make it at once: embedded store', async () => {
    const store = EmbeddedStore.open(folder(), { ownerIsGone: () => false, now: Date.now });
    try {
      await shareOne([store, store, store]);
    } finally {
      await store.close();
    }
  });

  it('is one for all who make it at once: Redis', async function () {
    redis = await startRedis(requireTool(this, 'redis-server'));
    const stores: RedisStore[] = [];
    for (let opened = 0; opened < 3; opened += 1) stores.push(await RedisStore.open(redisOptions(redis)));
    try {
      await shareOne(stores);
    } finally {
      for (const store of stores) await store.close();
    }
  });

  it('is sealed: neither its key nor its hosts can be read there', async () => {
    const store = new MemoryStore();
    await new Authorities(recordsOf(store), systemClock).make(PLAN);
    const { sealed } = store.records.get(KEY)!;
    assert.ok(!/PRIVATE|BEGIN|vendor/.test(sealed.toString('latin1')));
  });

  it('is not taken for none when it cannot be opened', async () => {
    const store = new MemoryStore();
    await new Authorities(recordsOf(store), systemClock).make(PLAN);
    const before = store.records.get(KEY);
    const other = new Records(store, new Seal(sealingKey(Buffer.alloc(32, 9).toString('base64'))), systemClock);
    await assert.rejects(new Authorities(other, systemClock).make(PLAN), (error: Error) => {
      assert.ok(error instanceof RecordError);
      assert.match(error.message, /^The authority's record .*was sealed with another key/);
      return true;
    });
    assert.equal(store.records.get(KEY), before);
  });

  for (const [what, text] of [
    ['no JSON', 'x'],
    ['no object', 'null'],
    ['a newer version', '{"v":2}'],
    ['no version', '{"hosts":[]}'],
    ['no hosts', '{"v":1,"root":"a","issuer":"b","issuerKey":"c"}'],
    ['a key of something else', '{"v":1,"hosts":["a"],"root":"a","issuer":"b","issuerKey":"sEcReT"}'],
  ] as const)
    it(`is named when its record holds ${what}`, async () => {
      const records = recordsOf(new MemoryStore());
      await records.replaceShared(KEY, 0, { generation: 1, text });
      await assert.rejects(new Authorities(records, systemClock).read(), (error: Error) => {
        assert.ok(error instanceof RecordError);
        assert.match(error.message, /^The authority's record .*left unchanged\.$/);
        assert.ok(!error.message.includes('sEcReT'));
        return true;
      });
    });

  it('needs a host', async () => {
    const authorities = new Authorities(recordsOf(new MemoryStore()), systemClock);
    await assert.rejects(authorities.make({ hosts: [] }), /no host/);
  });
});
