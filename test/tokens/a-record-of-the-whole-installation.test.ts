import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { isAccountKey, RecordError, sharedKey } from '../../src/tokens/store.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const KEY = sharedKey('authority');

describe('a record of the whole installation', () => {
  let store: MemoryStore;
  let records: Records;
  beforeEach(() => {
    store = new MemoryStore();
    records = new Records(store, new Seal(sealingKey(randomBytes(32).toString('base64'))), new FakeClock());
  });

  it('has a key that no account can have', () => {
    assert.equal(KEY, '@authority');
    assert.deepEqual([KEY, 'authority', 'authority@'].map(isAccountKey), [false, true, true]);
  });

  it('is none until it is written', async () => {
    assert.equal(await records.readShared(KEY), undefined);
  });

  it('is read as it was written, and sealed in the store', async () => {
    assert.equal(await records.replaceShared(KEY, 0, { generation: 7, text: 'the text' }), true);
    assert.deepEqual(await records.readShared(KEY), { revision: 1, generation: 7, text: 'the text' });
    assert.equal(store.records.get(KEY)!.sealed.includes('the text'), false);
  });

  it('is replaced over the revision that was read, and over no other', async () => {
    await records.replaceShared(KEY, 0, { generation: 1, text: 'first' });
    assert.equal(await records.replaceShared(KEY, 1, { generation: 2, text: 'second' }), true);
    assert.equal(await records.replaceShared(KEY, 1, { generation: 3, text: 'late' }), false);
    assert.deepEqual(await records.readShared(KEY), { revision: 2, generation: 2, text: 'second' });
  });

  it('does not open under another key, or as another generation', async () => {
    await records.replaceShared(KEY, 0, { generation: 1, text: 'first' });
    const stored = store.records.get(KEY)!;
    store.records.set(sharedKey('other'), stored);
    await assert.rejects(
      records.readShared(sharedKey('other')),
      (error) => error instanceof RecordError && error.message.startsWith("The other's record (@other in the store)"),
    );
    store.records.set(KEY, { ...stored, generation: 2 });
    await assert.rejects(records.readShared(KEY), RecordError);
  });
});
