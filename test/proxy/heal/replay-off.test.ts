import assert from 'node:assert/strict';
import { metric } from '../../support/call.ts';
import { freshWorld, withRoute } from '../../support/world.ts';

describe('a route with replay: false', () => {
  const world = freshWorld({ config: withRoute('/softline', { replay: false }) });

  it("renews, hands on the upstream's own answer, and says that it was not replayed", async () => {
    const { sandbox, proxy } = world();
    await world().call('/softline/v1/order/77');
    sandbox.softline.revokeCurrent();
    const answer = await world().call('/softline/v1/payment', {
      method: 'POST',
      body: '{"order_id":7}',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['x-tokenward-replay'], 'not-replayed; may-resend');
    assert.deepEqual(answer.json(), { errors: [{ error: 1007, message: 'Invalid JWT Token.' }] });
    assert.equal(sandbox.ledger.count({ vendor: 'softline', path: '/v1/payment' }), 1);
    assert.equal(sandbox.ledger.count({ vendor: 'softline', kind: 'login' }), 2);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_replays_total', { outcome: 'skipped' }), 1);

    const again = await world().call('/softline/v1/payment', {
      method: 'POST',
      body: '{"order_id":7}',
      headers: { 'content-type': 'application/json' },
    });
    assert.equal(again.status, 200);
    assert.equal(again.headers['x-tokenward-replay'], undefined);
    assert.equal(sandbox.ledger.count({ vendor: 'softline', applied: true }), 1);
    assert.equal(sandbox.ledger.count({ vendor: 'softline', kind: 'login' }), 2);
  });

  it('several revocations one after the other, each proved by a good answer, are each renewed', async () => {
    const { sandbox } = world();
    for (let round = 0; round < 4; round += 1) {
      assert.equal((await world().call('/softline/v1/order/77')).status, 200);
      sandbox.softline.revokeCurrent();
      assert.equal((await world().call('/softline/v1/order/77')).status, 401);
    }
    assert.equal(sandbox.ledger.count({ vendor: 'softline', kind: 'login' }), 5);
  });
});
