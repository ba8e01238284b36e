import assert from 'node:assert/strict';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

/*
 * The pause before the second login with doubted credentials ends when they are changed. While the endpoint fails, the
 * record still told of that doubt, and each request was a call: no pause after a failure counted.
 */
describe('a login that fails after doubted credentials were changed', () => {
  it('is followed by a pause like any other', async () => {
    const credential = fakeCredential({ canRefresh: false }, granted(), ...Array.from({ length: 9 }, () => failed()));
    const { manager, token, leave, error, clock } = await inVirtualTime(credential);
    const first = await token(() => manager.get('crm'));
    await leave({ doubt: { since: clock.wall() - 60_000, credentials: 'others' }, retryAt: clock.wall() + 120_000 });
    await error(() => manager.renew('crm', first));
    const made = credential.calls.length;
    const { code } = await error(() => manager.renew('crm', first));
    assert.deepEqual([code, credential.calls.length], ['token_unavailable', made]);
  });
});
