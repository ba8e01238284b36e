import assert from 'node:assert/strict';
import { metric } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { freshWorld, ownCode, tokenCalls } from '../support/world.ts';

describe('limits.waitingPerAccount', () => {
  const world = freshWorld({ config: (base) => ({ ...base, limits: { waitingPerAccount: 10 } }) });

  it('answers one waiter too many with 503; those who wait get their answers, and other accounts do not notice', async () => {
    const { sandbox, proxy } = world();
    sandbox.chatapp.set({ loginMode: 'slow', slowMs: 700 });
    const waiting = Array.from({ length: 10 }, () => world().call('/crm/v1/licenses'));
    await eventually(
      'ten wait',
      async () => (await metric(proxy.operatorUrl, 'tokenward_callers_waiting', { account: 'crm' })) === 10,
    );
    const refused = await world().call('/crm/v1/licenses');
    assert.deepEqual([refused.status, ownCode(refused)], [503, 'too_many_waiting']);
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    assert.equal((await world().call('/softline/v1/order/77')).status, 200);
    assert.ok((await Promise.all(waiting)).every(({ status }) => status === 200));
    assert.equal(tokenCalls(sandbox, 'chatapp'), 1);
    assert.equal((await world().call('/crm/v1/licenses')).status, 200);
  });
});
