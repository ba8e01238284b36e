import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { fakeCredential, granted } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { inVirtualTime } from './in-virtual-time.ts';

describe('a call to the token endpoint that goes on after its requests have given up', () => {
  it('is the only one: further requests are told to come again in a second, and the record stays as it is', async () => {
    let respond!: (outcome: Outcome) => void;
    const credential = fakeCredential({}, () => new Promise<Outcome>((resolve) => (respond = resolve)));
    const { manager, error, stored, token } = await inVirtualTime(credential);
    assert.match((await error(() => manager.get('crm'))).detail ?? '', /takes too long/);
    const before = await stored();
    const { code, detail, retryAfter } = await error(() => manager.get('crm'));
    assert.deepEqual([code, retryAfter], ['token_unavailable', 1]);
    assert.match(detail ?? '', /^account crm: an earlier renewal has not ended yet/);
    assert.deepEqual([credential.calls, await stored()], [['login'], before]);
    respond(granted({ secret: 'late' }));
    await settled();
    assert.equal((await token(() => manager.get('crm'))).reveal(), 'late');
    assert.equal(credential.calls.length, 1);
  });
});
