import assert from 'node:assert/strict';
import { fakeCredential, managed } from '../support/credential.ts';

describe('a refresh beside the note of logins that were cut off', () => {
  it('waits for no pause: it spends no login', async () => {
    const credential = fakeCredential();
    const { manager, records, clock } = await managed(credential);
    const token = await manager.get('crm');
    const intent = { kind: 'login', startedAt: clock.wall(), attempt: 4 } as const;
    await records.replace('crm', { ...(await records.read('crm')), intent });
    await manager.renew('crm', token);
    assert.deepEqual(credential.calls, ['login', 'refresh']);
  });
});
