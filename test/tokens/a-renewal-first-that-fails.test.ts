import assert from 'node:assert/strict';
import { failed, fakeCredential, granted } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

describe('a token that is renewed first because it is about to end', () => {
  it('and that has ended when the renewal fails: the request gets that failure, and asks for no second renewal', async () => {
    const credential = fakeCredential({}, granted({ lifetime: 100 }));
    const { manager, clock, error, token, observed } = await inVirtualTime(credential);
    await token(() => manager.get('crm'));
    clock.pass(99_500);
    credential.answers.push(() => {
      clock.pass(5_000);
      return failed();
    });
    assert.match((await error(() => manager.get('crm'))).detail!, /status_5xx/);
    assert.deepEqual([credential.calls, observed.suppressed], [['login', 'refresh'], []]);
  });
});
