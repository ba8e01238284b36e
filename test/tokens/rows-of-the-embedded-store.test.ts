import assert from 'node:assert/strict';
import { RecordError } from '../../src/tokens/store.ts';
import { BroadcastingStore } from '../../src/tokens/stores/broadcasting.ts';
import { EmbeddedStore, type EmbeddedOptions } from '../../src/tokens/stores/embedded.ts';
import { parseLease, parseRecord } from '../../src/tokens/stores/lmdb-rows.ts';
import { MemoryStore } from '../support/memory-store.ts';

const DAY = 86_400_000;
const NOW = 1_800_000_000_000;

/** The store over rows in memory. */
function embedded(options: Partial<EmbeddedOptions> = {}): { store: EmbeddedStore; rows: Map<string, string> } {
  const rows = new Map<string, string>();
  const db = {
    get: (key: string) => rows.get(key),
    putSync: (key: string, value: string) => void rows.set(key, value),
    removeSync: (key: string) => void rows.delete(key),
    resetReadTxn: () => undefined,
    transaction: async (change: () => void) => change(),
    close: async () => undefined,
  };
  const probe = { write: async () => undefined, requireRoomCheck: () => undefined, close: async () => undefined };
  const file = { path: 'rows', db: db as never, probe, inode: () => 'one' };
  return { store: EmbeddedStore.over(file, { ownerIsGone: () => false, now: () => NOW, ...options }), rows };
}

describe('a lease in the embedded store', () => {
  it('binds until its last millisecond', async () => {
    let now = NOW;
    const { store } = embedded({ now: () => now });
    await store.acquireLease('crm', 'a', 1_000);
    now += 999;
    assert.equal(await store.acquireLease('crm', 'b', 1_000), false);
    now += 1;
    assert.equal(await store.acquireLease('crm', 'b', 1_000), true);
  });

  it('binds if it ends within twice the time that is asked for, and not later', async () => {
    const { store } = embedded();
    await store.acquireLease('crm', 'a', 2_000);
    assert.equal(await store.acquireLease('crm', 'b', 1_000), false);
    assert.equal(await store.acquireLease('crm', 'b', 999), true);
  });

  it('is read only if it has an owner and an end; else it counts as free', () => {
    assert.deepEqual(parseLease('{"owner":"a","until":5,"later":1}'), { owner: 'a', until: 5 });
    for (const text of [undefined, '', '{', 'null', '{}', '{"owner":"a"}', '{"until":5}', '{"owner":1,"until":5}'])
      assert.equal(parseLease(text), undefined, text);
    assert.equal(parseLease('{"owner":"a","until":"5"}'), undefined);
  });
});

describe('a record in the embedded store', () => {
  it('is an error if it lacks what is sealed, which names it', () => {
    for (const text of ['{"revision":1,"generation":1}', '{"revision":1,"generation":1,"sealed":5}', '{'])
      assert.throws(
        () => parseRecord(text, 'crm'),
        (error) => error instanceof RecordError && error.message.startsWith('The record of account crm (record/crm in'),
        text,
      );
  });
});

describe('a count of logins in the embedded store', () => {
  const running = { boot: 'this', ms: 5_000 };

  it('that cannot be read is an error that names it', async () => {
    const { store, rows } = embedded();
    rows.set('budget/k', '{');
    const named = (error: unknown): boolean =>
      error instanceof RecordError && error.message.startsWith('The count of logins k (budget/k in');
    await assert.rejects(store.debit('k', NOW, DAY, 5), named);
    await assert.rejects(store.used('k', NOW, DAY), named);
    await assert.rejects(store.takeBack('k', NOW), named);
    assert.equal(rows.get('budget/k'), '{');
  });

  it('has logins of one millisecond one after the other, in order, with the boot time of each', async () => {
    const { store, rows } = embedded({ running: () => running });
    for (const at of [NOW, NOW, NOW - 50]) await store.debit('k', at, DAY, 5);
    assert.equal(rows.get('budget/k'), JSON.stringify([NOW - 50, NOW, NOW + 1]));
    const notes = JSON.parse(rows.get('budget-notes/k')!) as { boot: string; made: unknown };
    assert.deepEqual(notes.made, [
      [NOW, running.ms],
      [NOW + 1, running.ms],
      [NOW - 50, running.ms],
    ]);
  });

  it('has no notes where the machine does not tell how long it runs', async () => {
    const { store, rows } = embedded();
    await store.debit('k', NOW, DAY, 5);
    assert.deepEqual([...rows.keys()], ['budget/k']);
  });

  it('is written by a refused login only if there is something to note', async () => {
    const { store, rows } = embedded({ running: () => running });
    rows.set('budget/k', JSON.stringify([NOW - 5]));
    assert.equal((await store.debit('k', NOW, DAY, 1)).granted, false);
    assert.equal(rows.has('budget-notes/k'), false);
    await store.debit('k', NOW, DAY, 1, [NOW - 9]);
    assert.equal(rows.get('budget/k'), JSON.stringify([NOW - 9, NOW - 5]));
    assert.equal((await store.debit('k', NOW - 60_000, DAY, 1)).granted, false);
    const notes = JSON.parse(rows.get('budget-notes/k')!) as { seen: unknown };
    assert.deepEqual(notes.seen, [
      [NOW - 9, running.ms],
      [NOW - 5, running.ms],
    ]);
  });

  it('has restored logins in order, and keeps what it has when another login is taken back', async () => {
    const { store, rows } = embedded();
    await store.restoreBudget('k', [NOW, NOW - 5]);
    await store.restoreBudget('k', [NOW - 2]);
    const row = JSON.stringify([NOW - 5, NOW - 2, NOW]);
    assert.equal(rows.get('budget/k'), row);
    await store.takeBack('k', NOW - 3);
    assert.equal(rows.get('budget/k'), row);
  });
});

describe('the embedded store that workers share', () => {
  const bus = { announce: () => undefined, listen: () => undefined };

  it("names keys and gives warnings as the store does, or the rows' names and none", async () => {
    const plain = new BroadcastingStore(new MemoryStore(), bus);
    assert.deepEqual([plain.keyOf('record', 'crm'), await plain.warnings()], ['crm', []]);
    const more = Object.assign(new MemoryStore(), {
      keyOf: (kind: string, name: string) => `${kind}:${name}`,
      warnings: async () => ['one'],
    });
    const store = new BroadcastingStore(more, bus);
    assert.deepEqual([store.keyOf('record', 'crm'), await store.warnings()], ['record:crm', ['one']]);
  });
});
