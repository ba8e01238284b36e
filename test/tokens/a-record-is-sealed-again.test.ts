import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { EMPTY_RECORD, Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { RecordError } from '../../src/tokens/store.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

describe('a record that is sealed with a retired key', () => {
  const [current, retired] = [randomBytes(32), randomBytes(32)].map((bytes) => sealingKey(bytes.toString('base64')));
  const clock = new FakeClock();
  let store: MemoryStore;
  /** Of the process that still has the former key. */
  let before: Records;
  let records: Records;
  beforeEach(async () => {
    store = new MemoryStore();
    before = new Records(store, new Seal(retired!), clock);
    records = new Records(store, new Seal(current!, [retired!]), clock);
    await before.replace('crm', { ...EMPTY_RECORD, generation: 4, identity: 'who', failures: 3 });
  });

  it('is sealed with the current one, once', async () => {
    assert.equal(await records.isCurrent('crm'), false);
    assert.equal(await records.reseal('crm'), true);
    assert.equal(await records.isCurrent('crm'), true);
    const { revision, generation, identity, failures } = await new Records(store, new Seal(current!), clock).read(
      'crm',
    );
    assert.deepEqual([revision, generation, identity, failures], [2, 4, 'who', 3]);
    assert.equal(await records.reseal('crm'), false);
    assert.equal(store.records.get('crm')?.revision, 2);
  });

  it('is sealed with what a renewal has written meanwhile', async () => {
    store.beforeReplace = async () => {
      store.beforeReplace = undefined;
      await before.replace('crm', { ...(await before.read('crm')), generation: 5 });
    };
    assert.equal(await records.reseal('crm'), true);
    const { revision, generation } = await records.read('crm');
    assert.deepEqual([revision, generation], [3, 5]);
    assert.equal(await records.isCurrent('crm'), true);
  });

  it('is current, and not to be sealed, if there is none', async () => {
    assert.equal(await records.isCurrent('shop'), true);
    assert.equal(await records.reseal('shop'), false);
    assert.equal(store.records.has('shop'), false);
  });

  it('is left as it is if it does not open, and the error names it', async () => {
    const good = store.records.get('crm')!;
    const bad = { ...good, sealed: Buffer.concat([good.sealed.subarray(0, -1), Buffer.alloc(1)]) };
    store.records.set('crm', bad);
    await assert.rejects(
      records.reseal('crm'),
      (error: unknown) => error instanceof RecordError && error.message.includes('account crm (crm in the store)'),
    );
    Object.assign(store, { keyOf: (kind: string, name: string) => `here:${kind}:${name}` });
    await assert.rejects(records.reseal('crm'), /account crm \(here:record:crm in the store\)/);
    assert.equal(store.records.get('crm'), bad);
  });
});
