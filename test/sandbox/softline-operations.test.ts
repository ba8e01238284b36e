import assert from 'node:assert/strict';
import { call, freshSandbox, softline } from './client.ts';

describe('sandbox: softline operations', () => {
  const sandbox = freshSandbox();
  const post = (target: string, json: unknown, token: string) =>
    call(sandbox().urls.softline, target, { json, headers: { AuthorizationJWT: `Bearer ${token}` } });

  it('answers an order', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    const response = await softline.get(sandbox(), accessToken, '/v1/order/4711');
    const order = JSON.parse(response.text) as object;
    assert.deepEqual(Object.keys(order), [
      'order_id',
      'order_name',
      'status',
      'external_id',
      'create_date',
      'pay_date',
    ]);
    assert.equal(response.at('order_id'), 4711);
  });

  it('counts a payment and a refund as applied, a search not', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    assert.equal((await post('/v1/payment', { order_id: 9 }, accessToken)).status, 200);
    assert.equal(
      (await post('/v1/order/9/refund', { description: 'x', email: 'a@b.example' }, accessToken)).status,
      200,
    );
    assert.equal((await post('/v1/order/search', {}, accessToken)).status, 200);
    assert.deepEqual(
      sandbox()
        .ledger.entries()
        .map((entry) => [entry.target, entry.applied]),
      [
        ['/v1/payment', true],
        ['/v1/order/9/refund', true],
        ['/v1/order/search', false],
      ],
    );
  });

  it('never applies a payment it refused', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    sandbox().softline.revokeAll();
    assert.equal((await post('/v1/payment', { order_id: 9 }, accessToken)).status, 401);
    assert.equal(sandbox().ledger.count({ applied: true }), 0);
    assert.equal(sandbox().ledger.last()?.outcome, 'dead-token');
  });

  it('validates a refund', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    const response = await post('/v1/order/9/refund', { description: 'x'.repeat(501) }, accessToken);
    assert.equal(response.status, 400);
    assert.equal(sandbox().ledger.last()?.applied, false);
  });

  it('answers the rest of the documented operations', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    assert.equal((await softline.get(sandbox(), accessToken, '/v1/subscription/12_01')).at('id'), '12_01');
    const modify = { id: '12_01', activity: false, suppress_customer_notification: true };
    assert.equal((await post('/v1/subscription/modify_activity', modify, accessToken)).at('activity'), false);
    assert.equal((await post('/v1/product', {}, accessToken)).status, 200);
    assert.equal((await post('/v1/generate_buy_link', {}, accessToken)).status, 200);
  });

  it('knows nothing outside /v1', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    const response = await softline.get(sandbox(), accessToken, '/v2/order/1');
    assert.deepEqual([response.status, response.at('errors.0.error')], [404, 404]);
    assert.equal(sandbox().ledger.last()?.outcome, 'not-found');
  });
});
