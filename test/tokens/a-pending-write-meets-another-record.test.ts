import assert from 'node:assert/strict';
import { EMPTY_RECORD } from '../../src/tokens/records.ts';
import { Token } from '../../src/tokens/token.ts';
import { fakeCredential, managed } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { settled } from '../support/virtual-time.ts';
import { unsavedToken } from './unsaved-token.ts';

function theirs(generation: number, secret = 'theirs'): Token {
  const facts = { generation, obtainedAt: Date.now(), expiresAt: undefined, refreshExpiresAt: undefined };
  return new Token({ ...facts, deadline: Infinity }, secret, undefined);
}

describe('a pending write that finds another record in the store', () => {
  it('gives way to a token of the same generation, which other processes use already', async () => {
    const { time, manager, store, records, heal } = await unsavedToken();
    heal();
    await records.replace('crm', {
      ...(await records.read('crm')),
      generation: 2,
      token: theirs(2),
      intent: undefined,
    });
    await time.advance(200);
    await settled();
    assert.equal((await manager.get('crm')).reveal(), 'theirs');
    assert.equal((await records.read('crm')).token?.reveal(), 'theirs');
    assert.equal(store.leases.get('crm'), undefined);
  });

  it('does not put back in use a token that is older than the one that was announced meanwhile', async () => {
    let announce!: (account: string) => void;
    const watched = Object.assign(new MemoryStore(), {
      watch: async (listener: (account: string) => void) => void (announce = listener),
    });
    const { time, manager, store, records, heal } = await unsavedToken({}, { store: watched });
    heal();
    await records.replace('crm', { ...(await records.read('crm')), generation: 2, token: theirs(2) });
    // The reply to the read takes long, and a newer token is announced before it arrives.
    const read = store.read.bind(store);
    let reply!: () => void;
    store.read = async (key) => {
      store.read = read;
      const record = await read(key);
      await new Promise<void>((resolve) => (reply = resolve));
      return record;
    };
    await time.advance(200);
    await records.replace('crm', { ...(await records.read('crm')), generation: 3, token: theirs(3, 'newest') });
    announce('crm');
    await settled();
    reply();
    await settled();
    assert.equal((await manager.get('crm')).reveal(), 'newest');
    assert.equal(manager.status()[0]?.problem, undefined);
  });

  it('keeps its token in use if that record has none', async () => {
    const { time, manager, store, records, heal } = await unsavedToken();
    heal();
    await records.replace('crm', { ...(await records.read('crm')), generation: 2, token: undefined });
    await time.advance(200);
    await settled();
    assert.equal((await manager.get('crm')).reveal(), 'ours');
    assert.equal(store.leases.get('crm'), undefined);
  });

  it('goes beside the record of another identity', async () => {
    const { time, store, records, heal } = await unsavedToken();
    heal();
    store.records.clear();
    await records.replace('crm', { ...EMPTY_RECORD, generation: 7, identity: 'they', token: theirs(7) });
    await time.advance(200);
    assert.equal((await records.read('crm', 'who')).token?.reveal(), 'ours');
    assert.equal((await records.read('crm', 'they')).token?.reveal(), 'theirs');
  });

  it('waits until the other process has ended its renewal, and says so to requests for a newer token', async () => {
    const { time, manager, store, records, heal } = await unsavedToken();
    const second = await manager.get('crm');
    heal();
    store.leases.set('crm', { owner: 'another process', until: Infinity });
    await records.replace('crm', { ...(await records.read('crm')), failures: 1 });
    await assert.rejects(async () => manager.renew('crm', second), {
      code: 'token_unavailable',
      retryAfter: 1,
      detail: /^account crm: /,
    });
    await time.advance(20_000);
    assert.equal(store.records.get('crm')?.generation, 1);
    store.leases.delete('crm');
    await time.advance(2_000);
    assert.equal(store.records.get('crm')?.generation, 2);
  });
});

describe('a pending write into a store that has lost the record', () => {
  it('takes along what a newer version knew of the account', async () => {
    const { store, records } = await managed(fakeCredential());
    const unknown = { record: { region: 'eu' }, token: {}, generation: 1 };
    await records.replace('crm', { ...EMPTY_RECORD, generation: 1, identity: 'who', token: theirs(1), unknown });
    const { time, records: again, heal } = await unsavedToken({}, { store });
    heal();
    store.records.clear();
    await time.advance(200);
    const { token, unknown: kept } = await again.read('crm');
    assert.deepEqual([token?.reveal(), kept?.record], ['ours', { region: 'eu' }]);
  });
});

describe('a pending write that another one has carried out meanwhile', () => {
  it('leaves the store alone', async () => {
    const { time, manager, store, tries, observed, heal } = await unsavedToken();
    const second = await manager.get('crm');
    heal();
    await manager.renew('crm', second);
    tries.length = 0;
    observed.storeFailed.length = 0;
    await time.advance(10_000);
    assert.deepEqual([tries, observed.storeFailed, store.leases.size], [[], [], 0]);
  });
});
