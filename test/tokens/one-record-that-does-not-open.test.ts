import assert from 'node:assert/strict';
import type { TokenwardError } from '../../src/errors.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import type { RecordError } from '../../src/tokens/store.ts';
import { granted, managed, fakeCredential } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';

const named = (account: string) => fakeCredential({ account, identity: account });

/** A store that counts reads, with a record of `bad` that nobody can open. */
async function damaged() {
  const store = new MemoryStore();
  const reads = new Map<string, number>();
  const read = store.read.bind(store);
  store.read = async (account) => {
    reads.set(account, (reads.get(account) ?? 0) + 1);
    return read(account);
  };
  const first = await managed([named('bad'), named('good')], { store });
  await first.manager.get('bad');
  await first.manager.get('good');
  await first.manager.close();
  store.records.set('bad', {
    ...store.records.get('bad')!,
    sealed: Buffer.from('not of this program, but long enough for a head'),
  });
  const unreadable: string[] = [];
  const credentials = [named('bad'), named('good')];
  const observer = {
    renewed: () => undefined,
    suppressed: () => undefined,
    changed: () => undefined,
    storeFailed: () => undefined,
    recordUnreadable: (_: unknown, error: RecordError) => void unreadable.push(error.message),
  };
  const world = await managed(credentials, { store, observer });
  return { ...world, reads, unreadable, credentials };
}

describe('one record that does not open', () => {
  it('concerns its own account only: the process starts, the others are served and renewed', async () => {
    const { manager, credentials } = await damaged();
    const good = await manager.get('good');
    assert.equal(good.generation, 1);
    assert.equal((await manager.renew('good', good)).generation, 2);
    await assert.rejects(
      async () => manager.get('bad'),
      (error: TokenwardError) => error.code === 'store_unavailable' && /account bad/.test(error.detail ?? ''),
    );
    assert.deepEqual(credentials[0]!.calls, []);
    assert.equal(manager.storeUsable, true);
  });

  it('is told once, and shown as an account for which a person must act', async () => {
    const { manager, clock, unreadable } = await damaged();
    for (let i = 0; i < 50; i += 1) {
      await assert.rejects(async () => manager.get('bad'));
      clock.pass(1_000);
    }
    assert.equal(unreadable.length, 1);
    const status = manager.status().find(({ account }) => account === 'bad');
    assert.deepEqual(
      [status?.state, status?.ready, manager.status().find(({ account }) => account === 'good')?.state],
      ['dead', false, 'working'],
    );
  });

  it('is not read for every caller, and not at all when nobody calls', async () => {
    const { manager, clock, reads } = await damaged();
    reads.clear();
    for (let i = 0; i < 100; i += 1) {
      await assert.rejects(async () => manager.get('bad'));
      clock.pass(100);
    }
    assert.ok((reads.get('bad') ?? 0) <= 3, `${reads.get('bad')} reads in ten seconds`);
    assert.equal(reads.get('good'), undefined);
    reads.clear();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    assert.equal(reads.size, 0);
  });

  it('is well again when the record is', async () => {
    const { manager, clock, store } = await damaged();
    await assert.rejects(async () => manager.get('bad'));
    store.records.delete('bad');
    clock.pass(6_000);
    assert.ok((await manager.get('bad')).generation >= 1);
    assert.equal(manager.status().find(({ account }) => account === 'bad')?.state, 'working');
  });
});

describe('a store that comes and goes', () => {
  it('is reconciled by one pass at a time', async () => {
    const store = new MemoryStore();
    let announce!: () => void;
    Object.assign(store, { watch: async (_: unknown, mayHaveChanged: () => void) => void (announce = mayHaveChanged) });
    const credentials = Array.from({ length: 9 }, (_, index) => named(`a${index}`));
    const { manager } = await managed(
      credentials.map((credential) => Object.assign(credential, { answers: [granted()] })),
      { store },
    );
    for (const { account } of credentials) await manager.get(account);
    await manager.close();
    let reads = 0;
    let atOnce = 0;
    let most = 0;
    const read = store.read.bind(store);
    store.read = async (account) => {
      reads += 1;
      most = Math.max(most, (atOnce += 1));
      await new Promise(setImmediate);
      atOnce -= 1;
      return read(account);
    };
    const again = await managed(credentials, { store });
    for (const { account } of credentials) await again.manager.get(account);
    reads = 0;
    most = 0;
    for (let i = 0; i < 100; i += 1) announce();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(most, 1);
    assert.ok(reads <= 18, `${reads} reads`);
  });

  it('is the reason that requests are given while a newer token waits to be stored over it', async () => {
    const store = new MemoryStore();
    const away = (): Outcome => {
      store.failing.add('replace');
      return granted();
    };
    const { manager, clock } = await managed([fakeCredential({}, granted(), away)], { store });
    const first = await manager.get('crm');
    assert.equal((await manager.renew('crm', first)).generation, 2);
    store.records.set('crm', { ...store.records.get('crm')!, sealed: Buffer.from('not of this program') });
    store.failing.clear();
    clock.pass(3_600_000);
    await assert.rejects(
      async () => manager.get('crm'),
      (error: TokenwardError) => error.code === 'store_unavailable' && /account crm: .*crm/.test(error.detail ?? ''),
    );
  });
});
