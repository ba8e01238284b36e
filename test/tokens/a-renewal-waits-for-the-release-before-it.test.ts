import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

describe('a renewal', () => {
  it('takes no lease while the last one is being released: the release would end it', async () => {
    const credential = fakeCredential();
    const { manager, store } = await managed(credential);
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const releaseNow = store.releaseLease.bind(store);
    store.releaseLease = async (...args) => {
      await held;
      return releaseNow(...args);
    };
    const token = await manager.get('crm');
    const renewed = manager.renew('crm', token);
    await settled();
    assert.deepEqual(credential.calls, ['login']);
    release();
    assert.equal((await renewed).generation, 2);
  });
});
