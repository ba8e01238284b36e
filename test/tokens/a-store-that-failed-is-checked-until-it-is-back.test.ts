import assert from 'node:assert/strict';
import { TokenwardError } from '../../src/errors.ts';
import type { TokenManager } from '../../src/tokens/manager.ts';
import type { Token } from '../../src/tokens/token.ts';
import { fakeCredential, managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { VirtualTime } from '../support/virtual-time.ts';

describe('a store that failed', () => {
  let time: VirtualTime;
  let store: MemoryStore;
  let manager: TokenManager;
  let storeFailed: string[];
  let first: Token;
  /** Virtual ms of each check since the failure. */
  let checks: number[];
  beforeEach(async () => {
    time = new VirtualTime();
    store = new MemoryStore();
    ({
      manager,
      observed: { storeFailed },
    } = await managed(fakeCredential(), { ...time, store }));
    first = await manager.get('crm');
    const start = time.clock.monotonic();
    checks = [];
    const check = store.check.bind(store);
    store.check = () => {
      checks.push(time.clock.monotonic() - start);
      return check();
    };
  });

  const fail = async (): Promise<void> => {
    store.failing.add('read').add('check');
    await assert.rejects(
      async () => manager.renew('crm', first),
      (error: unknown) =>
        error instanceof TokenwardError &&
        error.code === 'store_unavailable' &&
        error.retryAfter === 2 &&
        (error.cause as Error).message === 'made to fail: read',
    );
  };

  it('is checked every second until it is back, and no more after it', async () => {
    await fail();
    assert.deepEqual(storeFailed, ['read']);
    await time.advance(3_500);
    store.failing.clear();
    await time.advance(600_000);
    assert.deepEqual(checks, [1_000, 2_000, 3_000, 4_000]);
  });

  it('counts as unusable until a check succeeds', async () => {
    assert.equal(manager.storeUsable, true);
    await fail();
    assert.equal(manager.storeUsable, false);
    store.failing.clear();
    await time.advance(999);
    assert.equal(manager.storeUsable, false);
    await time.advance(1);
    await time.advance(0);
    assert.equal(manager.storeUsable, true);
  });

  it('is checked by one timer, however often it fails', async () => {
    await fail();
    await time.advance(500);
    await fail();
    await time.advance(1_000);
    await fail();
    await time.advance(1_500);
    assert.deepEqual(checks, [1_000, 2_000, 3_000]);
  });

  it('is checked again after a second failure', async () => {
    await fail();
    store.failing.clear();
    await time.advance(5_000);
    checks.length = 0;
    await fail();
    await time.advance(2_000);
    assert.deepEqual(checks, [6_000, 7_000]);
  });

  it('gets back what it has lost meanwhile', async () => {
    await fail();
    store.failing.clear();
    store.records.clear();
    await time.advance(1_000);
    await time.advance(0);
    assert.equal(store.records.get('crm')?.generation, 1);
  });

  it('is checked no more once the process ends', async () => {
    await fail();
    await time.advance(1_500);
    await manager.close();
    await time.advance(10_000);
    assert.deepEqual(checks, [1_000]);
  });

  it('keeps no process alive by its checks', async () => {
    const keptAlive: number[] = [];
    const { after } = time.timers;
    Object.assign(time.timers, {
      after(ms: number, action: () => void, background = false) {
        if (!background) keptAlive.push(ms);
        return after(ms, action);
      },
    });
    await fail();
    await time.advance(5_000);
    assert.ok(checks.length >= 4);
    assert.ok(!keptAlive.includes(1_000));
  });
});

describe('a store with one record that does not open', () => {
  it('has not failed', async () => {
    const time = new VirtualTime();
    const { manager, store, observed } = await managed(fakeCredential(), time);
    const first = await manager.get('crm');
    store.records.set('crm', { ...store.records.get('crm')!, sealed: Buffer.from('not of this program') });
    await assert.rejects(async () => manager.renew('crm', first), { code: 'store_unavailable' });
    assert.equal(manager.storeUsable, true);
    assert.deepEqual(observed.storeFailed, []);
  });
});
