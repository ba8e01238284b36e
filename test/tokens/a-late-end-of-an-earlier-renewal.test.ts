import assert from 'node:assert/strict';
import { FLIGHT_MS } from '../../src/deadlines.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { listening } from './announced.ts';

describe('a renewal that ends after its time, with a failure', () => {
  it('does not bring the rejected token back while the next renewal is under way', async () => {
    let give!: (outcome: Outcome) => void;
    const late = new Promise<Outcome>((resolve) => (give = resolve));
    const { manager, store, time } = await listening(fakeCredential({}, granted({ lifetime: 86_400 }), () => late));
    const token = await manager.get('crm');
    await settled();
    const first = assert.rejects(Promise.resolve(manager.renew('crm', token)), { code: 'token_unavailable' });
    await time.advance(FLIGHT_MS);
    await first;
    // The next one is under way: it reads the record.
    let read!: () => void;
    const held = new Promise<void>((resolve) => (read = resolve));
    const { read: readNow } = store;
    store.read = async (account) => {
      await held;
      return readNow.call(store, account);
    };
    const second = Promise.resolve(manager.renew('crm', token));
    second.catch(() => undefined);
    await settled();
    store.read = readNow;
    give(failed({ reason: 'timeout' }));
    await settled();
    const asked = manager.get('crm');
    assert.notEqual(asked, token);
    void Promise.resolve(asked).catch(() => undefined);
    read();
    await assert.rejects(second, { code: 'token_unavailable' });
  });
});
