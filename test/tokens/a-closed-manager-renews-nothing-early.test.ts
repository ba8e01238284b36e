import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

describe('a process that ends', () => {
  it('serves a token in its early window and does not begin its renewal', async () => {
    const credential = fakeCredential({ renew: 'early' });
    const { manager, clock, observed } = await managed(credential);
    const token = await manager.get('crm');
    clock.pass(0.9 * 3_600_000);
    await manager.close();
    assert.equal(manager.get('crm'), token);
    assert.equal(manager.status()[0]?.renewing, false);
    await settled();
    assert.deepEqual([credential.calls, observed.suppressed], [['login'], []]);
  });
});
