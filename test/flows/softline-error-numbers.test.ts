import assert from 'node:assert/strict';
import { freshWorld, tokenCalls } from '../support/world.ts';

describe("Softline's error numbers", () => {
  const world = freshWorld();

  for (const [name, number] of [
    ['1007', 1007],
    ['1008', 1008],
    ['1009', 1009],
    ['1007 as text', '1007'],
  ] as const) {
    it(`401 with ${name} logs in again`, async () => {
      const { sandbox } = world();
      await world().call('/softline/v1/order/77');
      sandbox.softline.set({
        apiOverride: { status: 401, body: { errors: [{ error: number, message: 'no' }] }, count: 1 },
      });
      assert.equal((await world().call('/softline/v1/order/77')).status, 200);
      assert.equal(tokenCalls(sandbox, 'softline'), 2);
      assert.equal(sandbox.ledger.last({ vendor: 'softline' })?.tokenId, 'softline#2');
    });
  }

  const foreign = [
    ['401 with 1006 (bad credentials)', 401, { errors: [{ error: 1006, message: 'Bad credentials.' }] }],
    ['401 with another number', 401, { errors: [{ error: 2001, message: 'no' }] }],
    ['401 with the number in the message only', 401, { errors: [{ error: 1, message: '1007' }] }],
    ['401 without JSON', 401, 'Unauthorized'],
    ['401 with an empty list', 401, { errors: [] }],
    ['403 with 1007', 403, { errors: [{ error: 1007, message: 'no' }] }],
    ['200 with 1007', 200, { errors: [{ error: 1007, message: 'no' }] }],
  ] as const;
  for (const [name, status, body] of foreign) {
    it(`${name} passes through untouched`, async () => {
      const { sandbox } = world();
      await world().call('/softline/v1/order/77');
      sandbox.softline.set({ apiOverride: { status, body } });
      const reply = await world().call('/softline/v1/order/77');
      assert.equal(reply.status, status);
      assert.equal(reply.text, typeof body === 'string' ? body : JSON.stringify(body));
      assert.equal(reply.headers['x-tokenward-error'], undefined);
      assert.equal(tokenCalls(sandbox, 'softline'), 1);
      assert.equal(sandbox.ledger.count({ vendor: 'softline', outcome: 'override' }), 1);
    });
  }
});

describe("TWIN's refusals", () => {
  const world = freshWorld();

  for (const [name, body] of [
    ['its word for an expired token', { error: 'Token is expired.' }],
    ['any other body', 'nothing known'],
    ['no body', ''],
  ] as const) {
    it(`401 with ${name} refreshes`, async () => {
      const { sandbox } = world();
      await world().call('/twin/iam/api/v1/users/me');
      sandbox.twin.set({ apiOverride: { status: 401, body, count: 1 } });
      assert.equal((await world().call('/twin/iam/api/v1/users/me')).status, 200);
      assert.equal(sandbox.ledger.count({ vendor: 'twin', kind: 'refresh' }), 1);
    });
  }

  it('401 to a HEAD refreshes', async () => {
    const { sandbox } = world();
    await world().call('/twin/iam/api/v1/users/me');
    sandbox.twin.revokeCurrent();
    assert.equal((await world().call('/twin/iam/api/v1/sandbox/bytes/10', { method: 'HEAD' })).status, 200);
    assert.equal(sandbox.ledger.count({ vendor: 'twin', kind: 'refresh' }), 1);
  });

  it('403 with its words for an expired token passes through', async () => {
    const { sandbox } = world();
    await world().call('/twin/iam/api/v1/users/me');
    sandbox.twin.set({ apiOverride: { status: 403, body: { error: 'Token is expired.' } } });
    assert.equal((await world().call('/twin/iam/api/v1/users/me')).status, 403);
    assert.equal(tokenCalls(sandbox, 'twin'), 1);
  });
});
