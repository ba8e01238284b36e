import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

describe('the early window of a token', () => {
  it('begins at its very millisecond', async () => {
    const credential = fakeCredential({ renew: 'early' });
    const { manager, clock } = await managed(credential, { random: () => 0 });
    await manager.get('crm');
    clock.pass(0.85 * 3_600_000 - 1);
    await manager.get('crm');
    await settled();
    assert.deepEqual(credential.calls, ['login']);
    clock.pass(1);
    await manager.get('crm');
    await settled();
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });
});
