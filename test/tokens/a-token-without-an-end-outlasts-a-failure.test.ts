import assert from 'node:assert/strict';
import { failed, fakeCredential, granted, managed } from '../support/credential.ts';

describe('a token without an end', () => {
  it('outlasts a renewal by hand that fails: there is no quick second call, and no login', async () => {
    const credential = fakeCredential({}, granted({ lifetime: undefined }), failed());
    const { manager } = await managed(credential);
    const token = await manager.get('crm');
    await assert.rejects(manager.renewNow('crm'), { code: 'token_unavailable' });
    assert.deepEqual(credential.calls, ['login', 'refresh']);
    assert.equal(manager.get('crm'), token);
  });
});
