import assert from 'node:assert/strict';
import { TokenManager } from '../../src/tokens/manager.ts';
import { fakeCredential, managed } from '../support/credential.ts';

describe('accounts that are made on demand', () => {
  it('are known before they are used, and in memory and shown from then on', async () => {
    const { store, records, clock } = await managed([]);
    const ignore = (): void => undefined;
    const observer = { renewed: ignore, suppressed: ignore, changed: ignore, storeFailed: ignore };
    const source = {
      get: (account: string) => (account === 'nobody' ? undefined : fakeCredential({ account })),
      has: (account: string) => account !== 'nobody',
      size: 7,
      declared: ['declared'],
      names: () => ['declared'],
    };
    const manager = new TokenManager(source, { store, records, observer, clock });
    await manager.load();
    assert.deepEqual([manager.has('one'), manager.has('nobody')], [true, false]);
    assert.deepEqual(manager.count, { known: 7, inMemory: 1 });
    assert.equal(manager.statusOf('one'), undefined);
    await manager.get('one');
    assert.deepEqual(manager.count, { known: 7, inMemory: 2 });
    assert.deepEqual(
      manager.status().map(({ account, named, state }) => [account, named, state]),
      [
        ['declared', true, 'unused'],
        ['one', false, 'working'],
      ],
    );
    assert.deepEqual([manager.statusOf('one')?.account, manager.statusOf('one')?.named], ['one', false]);
    assert.throws(() => manager.get('nobody'), { code: 'internal' });
  });
});

describe('accounts that are given as a list', () => {
  it('are known by their names, and all are declared', async () => {
    const { manager } = await managed([fakeCredential(), fakeCredential({ account: 'other' })]);
    assert.deepEqual([manager.has('other'), manager.has('nobody'), manager.count.known], [true, false, 2]);
    assert.equal(manager.statusOf('other')?.named, true);
  });
});
