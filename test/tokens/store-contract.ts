import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredRecord, TokenStore } from '../../src/tokens/store.ts';

/**
 * A store under test. `open` gives one more handle on the same data, as another process would have; all are closed
 * afterwards.
 */
export interface StoreFactory {
  open(options?: { ownerIsGone?: (owner: string) => boolean; now?: () => number }): Promise<TokenStore>;
  /** Forgets everything and closes every handle. */
  cleanUp(): Promise<void>;
}

function record(revision: number, generation: number, text = 'sealed'): StoredRecord {
  return { revision, generation, sealed: Buffer.from(text) };
}

/** What every store must do: run once for each kind of store, on a real one. `prepare` runs before the first test. */
export function describeStoreContract(
  name: string,
  create: () => Promise<StoreFactory>,
  prepare?: () => Promise<void>,
): void {
  describe(`the store contract, kept by ${name}`, () => {
    let factory: StoreFactory;
    let store: TokenStore;
    let other: TokenStore;
    if (prepare !== undefined) before(prepare);
    beforeEach(async () => {
      factory = await create();
      store = await factory.open();
      other = await factory.open();
    });
    afterEach(() => factory.cleanUp());

    describe('records', () => {
      it('there is none at first', async () => {
        assert.equal(await store.read('crm'), undefined);
      });

      it('what was written is read, byte for byte, through every handle', async () => {
        const sealed = Buffer.from(Uint8Array.from({ length: 5_000 }, (_, index) => index % 256));
        assert.equal(await store.replace('crm', 0, { revision: 1, generation: 1, sealed }), true);
        for (const handle of [store, other, await factory.open()]) {
          const found = await handle.read('crm');
          assert.deepEqual([found?.revision, found?.generation], [1, 1]);
          assert.ok(found?.sealed.equals(sealed));
        }
      });

      it('is replaced only by who has seen it: another revision is turned down, and nothing changes', async () => {
        await store.replace('crm', 0, record(1, 1, 'first'));
        for (const expected of [0, 2, 7])
          assert.equal(await other.replace('crm', expected, record(expected + 1, 2, 'stale')), false);
        assert.equal((await store.read('crm'))?.sealed.toString(), 'first');
        assert.equal(await other.replace('crm', 1, record(2, 2, 'second')), true);
        assert.equal((await store.read('crm'))?.sealed.toString(), 'second');
      });

      it('a first record is not written over one that is there, nor a later one where there is none', async () => {
        assert.equal(await store.replace('crm', 3, record(4, 1)), false);
        assert.equal(await store.read('crm'), undefined);
        await store.replace('crm', 0, record(1, 1));
        assert.equal(await store.replace('crm', 0, record(1, 1, 'again')), false);
      });

      it('a generation never goes back', async () => {
        await store.replace('crm', 0, record(1, 5));
        assert.equal(await store.replace('crm', 1, record(2, 4)), false);
        assert.equal(await store.replace('crm', 1, record(2, 5, 'same generation')), true);
        assert.equal((await other.read('crm'))?.generation, 5);
      });

      it('of many writers at the same time one wins', async () => {
        const results = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            (index % 2 === 0 ? store : other).replace('crm', 0, record(1, 1, `writer ${index}`)),
          ),
        );
        assert.equal(results.filter(Boolean).length, 1);
        assert.equal((await store.read('crm'))?.sealed.toString(), `writer ${results.indexOf(true)}`);
      });

      it('accounts do not touch each other, whatever they are called', async () => {
        const names = ['a', 'A', 'a.b', 'a/b', 'record/a', 'lease/a', 'аккаунт', '__proto__', 'x'.repeat(200)];
        for (const [index, account] of names.entries())
          assert.equal(await store.replace(account, 0, record(1, 1, `of ${index}`)), true);
        for (const [index, account] of names.entries())
          assert.equal((await other.read(account))?.sealed.toString(), `of ${index}`);
      });

      it('outlive the handle', async () => {
        await store.replace('crm', 0, record(1, 1, 'kept'));
        await store.close();
        await other.close();
        assert.equal((await (await factory.open()).read('crm'))?.sealed.toString(), 'kept');
      });
    });

    describe('leases', () => {
      it('one owner at a time; the owner prolongs his own', async () => {
        assert.equal(await store.acquireLease('crm', 'a', 30_000), true);
        assert.equal(await other.acquireLease('crm', 'b', 30_000), false);
        assert.equal(await store.acquireLease('crm', 'a', 30_000), true);
        assert.equal(await other.acquireLease('softline', 'b', 30_000), true);
      });

      it('of many who want it at the same time one gets it', async () => {
        const results = await Promise.all(
          Array.from({ length: 50 }, (_, index) =>
            (index % 2 === 0 ? store : other).acquireLease('crm', `owner ${index}`, 30_000),
          ),
        );
        assert.equal(results.filter(Boolean).length, 1);
      });

      it('given back it is free, but only its owner can give it back', async () => {
        await store.acquireLease('crm', 'a', 30_000);
        await other.releaseLease('crm', 'b');
        assert.equal(await other.acquireLease('crm', 'b', 30_000), false);
        await store.releaseLease('crm', 'a');
        assert.equal(await other.acquireLease('crm', 'b', 30_000), true);
        // A late holder gives back what is not his any more.
        await store.releaseLease('crm', 'a');
        assert.equal(await store.acquireLease('crm', 'a', 30_000), false);
      });

      it('giving back what nobody holds does no harm', async () => {
        await store.releaseLease('crm', 'a');
        assert.equal(await store.acquireLease('crm', 'a', 30_000), true);
      });

      it('ends by itself', async () => {
        await store.acquireLease('crm', 'a', 40);
        let taken = false;
        for (const end = Date.now() + 5_000; !taken && Date.now() < end;)
          taken = await other.acquireLease('crm', 'b', 30_000);
        assert.equal(taken, true);
        assert.equal(await store.acquireLease('crm', 'a', 30_000), false, 'the late holder must not have it as well');
      });
    });

    describe('budgets', () => {
      const DAY = 86_400_000;
      let now: number;
      beforeEach(() => {
        now = Date.now();
      });
      const used = async (budget = 'k', at = now): Promise<number> => (await store.used(budget, at, DAY)).length;

      it('grants up to the limit and says which logins count', async () => {
        for (let count = 1; count <= 3; count += 1) {
          const { granted, entries } = await store.debit('k', now + count, DAY, 3);
          assert.deepEqual([granted, entries.length], [true, count]);
        }
        const { granted, entries } = await other.debit('k', now + 4, DAY, 3);
        assert.deepEqual([granted, entries.length], [false, 3]);
        assert.equal((await other.used('k', now + 4, DAY)).length, 3);
        for (const at of entries) assert.ok(Math.abs(at - now) < 10_000, `${at} is not now`);
      });

      it('a refused debit is not counted, and a higher limit (the reserve) goes on from there', async () => {
        await store.debit('k', now, DAY, 1);
        for (let i = 0; i < 5; i += 1) assert.equal((await store.debit('k', now + i, DAY, 1)).granted, false);
        assert.equal((await store.debit('k', now + 9, DAY, 2)).granted, true);
        assert.equal(await used(), 2);
      });

      it('the window rolls: each debit comes back when it is that old', async () => {
        const window = 400;
        await store.debit('k', Date.now(), window, 2);
        await sleep(200);
        const {
          entries: [, second],
        } = await store.debit('k', Date.now(), window, 2);
        assert.equal((await store.debit('k', Date.now(), window, 2)).granted, false);
        await sleep(210);
        assert.deepEqual(await store.used('k', Date.now(), window), [second]);
        assert.equal((await store.debit('k', Date.now(), window, 2)).granted, true);
        assert.equal((await store.debit('k', Date.now(), window, 2)).granted, false);
      });

      it('a clock set back does not bring debits back', async () => {
        await store.debit('k', now, DAY, 1);
        assert.equal((await store.debit('k', now - 3_600_000, DAY, 1)).granted, false);
        assert.equal((await store.debit('k', now - 10 * DAY, DAY, 1)).granted, false);
      });

      it('a clock that was ahead for a moment has thrown no login away', async () => {
        for (let i = 0; i < 79; i += 1) await store.debit('k', now + i, DAY, 80);
        await other.debit('k', now + 25 * 3_600_000, DAY, 80);
        assert.equal(await used(), 80);
        assert.equal((await store.debit('k', now + 100, DAY, 80)).granted, false);
      });

      it('two logins in one millisecond are two, and each can be told from the other', async () => {
        const [first, second] = [await store.debit('k', now, DAY, 5), await other.debit('k', now, DAY, 5)];
        assert.notEqual(first.at, second.at);
        assert.equal(await used(), 2);
      });

      it('of many at the same time the limit is granted, no more and no less', async () => {
        const results = await Promise.all(
          Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? store : other).debit('k', now + index, DAY, 7)),
        );
        assert.equal(results.filter(({ granted }) => granted).length, 7);
        assert.equal(new Set(results.filter(({ granted }) => granted).map(({ at }) => at)).size, 7);
        assert.equal(await used(), 7);
      });

      it('one that is taken back counts no more; the others stay, also those of the same millisecond', async () => {
        const debits = [
          await store.debit('k', now, DAY, 3),
          await other.debit('k', now, DAY, 3),
          await store.debit('k', now + 5, DAY, 3),
        ];
        await other.takeBack('k', debits[0]!.at);
        assert.equal(await used(), 2);
        assert.equal((await store.debit('k', now + 6, DAY, 3)).granted, true);
        // Again, or what was never counted: nothing happens.
        await store.takeBack('k', 5);
        await store.takeBack('nobody', now);
        assert.equal(await used(), 3);
      });

      it('logins that the caller knows and the store has lost are counted first', async () => {
        const { at } = await store.debit('k', now, DAY, 3);
        const lost = now - 60_000;
        const { granted, entries } = await store.debit('k', now + 1, DAY, 3, [at, lost]);
        assert.deepEqual([granted, entries.length], [true, 3]);
        // Told by the caller's clock, which may be a millisecond ahead of Redis's own here.
        assert.ok(Math.abs(entries[0]! - lost) <= 1);
        assert.equal((await other.debit('k', now + 2, DAY, 3)).granted, false);
        assert.equal((await other.used('l', now, DAY, [lost, now])).length, 2);
        assert.equal(await used('l'), 2);
      });

      it('what is restored counts, twice if it stands there twice', async () => {
        await store.restoreBudget('k', [now - 2, now - 2, now - 1], 31 * DAY);
        assert.equal(await used(), 3);
      });

      it('budgets do not touch each other, nothing is used at first, and they outlive the handle', async () => {
        assert.deepEqual(await store.used('k', now, DAY), []);
        await store.debit('k', now, DAY, 1);
        assert.equal(await used('l'), 0);
        assert.deepEqual(
          (await store.budgets()).map(({ budget, entries }) => [budget, entries.length]),
          [['k', 1]],
        );
        await store.close();
        await other.close();
        assert.equal((await (await factory.open()).used('k', now, DAY)).length, 1);
      });

      it('one that is removed is gone', async () => {
        await store.debit('k', now, DAY, 1);
        await other.removeBudget('k');
        assert.equal(await used(), 0);
        assert.deepEqual(await store.budgets(), []);
      });
    });

    it("removes an account's record and lease, and nobody else's", async () => {
      for (const account of ['crm', 'crm#0a1b2c3d', 'softline']) await store.replace(account, 0, record(1, 1));
      await store.acquireLease('crm', 'a', 30_000);
      await store.acquireLease('softline', 'a', 30_000);
      assert.deepEqual((await other.leased()).sort(), ['crm', 'softline']);
      await other.remove('crm');
      await other.remove('nobody');
      assert.deepEqual((await store.accounts()).sort(), ['crm#0a1b2c3d', 'softline']);
      assert.deepEqual(await store.leased(), ['softline']);
      assert.equal(await store.replace('crm', 0, record(1, 1)), true);
    });

    it('a closed store says so, everywhere, and may be closed again', async () => {
      await store.close();
      await store.close();
      await assert.rejects(store.read('crm'));
      await assert.rejects(store.replace('crm', 0, record(1, 1)));
      await assert.rejects(store.acquireLease('crm', 'a', 1));
      await assert.rejects(store.debit('k', now(), 1, 1));
      await assert.rejects(store.used('k', now(), 1));
      await assert.rejects(store.takeBack('k', 1));
      await assert.rejects(store.remove('crm'));
      await assert.rejects(store.check());
      await other.check();
    });
  });
}

function now(): number {
  return Date.now();
}
