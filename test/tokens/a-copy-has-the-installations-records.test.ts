import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyRecords, type CopyReport } from '../../src/tokens/copy.ts';
import { Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { sharedKey, StoreError } from '../../src/tokens/store.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const KEY = sharedKey('authority');

/** A store with a key of its own. */
class End {
  readonly store = new MemoryStore();
  readonly records = new Records(this.store, new Seal(sealingKey(randomBytes(32).toString('base64'))), new FakeClock());

  async put(generation: number, text: string): Promise<void> {
    const revision = (await this.records.readShared(KEY))?.revision ?? 0;
    assert.ok(await this.records.replaceShared(KEY, revision, { generation, text }));
  }
}

describe('a copy of a store has the record of the authority', () => {
  let from: End;
  let to: End;
  const copy = (overwrite = false): Promise<CopyReport> => copyRecords(from, to, { overwrite, dryRun: false });
  const accounts = (generation: number, outcome: string): unknown[] => [{ account: KEY, generation, outcome }];
  beforeEach(async () => {
    from = new End();
    to = new End();
    await from.put(3, 'of the source');
  });

  it('where the target has none: as it is, sealed with the key of the target', async () => {
    assert.deepEqual((await copy()).accounts, accounts(3, 'copied'));
    assert.deepEqual(await to.records.readShared(KEY), { revision: 1, generation: 3, text: 'of the source' });
  });

  it('once: a second run writes nothing', async () => {
    await to.put(5, 'of the source');
    to.store.failing.add('replace');
    const { accounts: found, refused } = await copy();
    assert.deepEqual([found, refused], [accounts(5, 'already there'), false]);
  });

  it('in place of an older one, over the revision that was read', async () => {
    await to.put(1, 'older');
    await to.put(2, 'old');
    assert.deepEqual((await copy()).accounts, accounts(3, 'copied'));
    assert.deepEqual(await to.records.readShared(KEY), { revision: 3, generation: 3, text: 'of the source' });
  });

  for (const [name, generation] of [
    ['as new', 3],
    ['newer', 4],
  ] as const) {
    it(`not where another one is ${name}, unless it is told so: then as the generation after it`, async () => {
      await to.put(generation, 'of the target');
      const { accounts: found, refused } = await copy();
      assert.deepEqual([found, refused], [accounts(generation, 'in the way'), true]);
      assert.equal((await to.records.readShared(KEY))?.text, 'of the target');

      assert.deepEqual((await copy(true)).accounts, accounts(generation + 1, 'copied'));
      const written = { revision: 2, generation: generation + 1, text: 'of the source' };
      assert.deepEqual(await to.records.readShared(KEY), written);
      assert.deepEqual((await copy()).accounts, accounts(generation + 1, 'already there'));
    });
  }

  it('not where it was removed while it was copied', async () => {
    from.store.accounts = async () => {
      await from.store.remove(KEY);
      return [KEY];
    };
    await assert.rejects(
      copy(),
      (error) => error instanceof StoreError && /@authority was removed/.test(error.message),
    );
    assert.equal(to.store.records.size, 0);
  });

  it('not where somebody writes to the target', async () => {
    to.store.beforeReplace = async () => {
      to.store.beforeReplace = undefined;
      await to.put(1, 'meanwhile');
    };
    await assert.rejects(copy(), (error) => error instanceof StoreError && /in the target/.test(error.message));
    assert.equal((await to.records.readShared(KEY))?.text, 'meanwhile');
  });
});
