import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { call } from '../../support/call.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';

describe('200 concurrent POSTs on a revoked token', () => {
  let sandbox: Sandbox;
  let proxy: RunningProxy;
  before(async () => {
    sandbox = await startSandbox();
    proxy = await startProxy(sandbox);
  });
  after(async () => {
    await proxy.stop();
    await sandbox.close();
  });

  const upstreams = [
    { vendor: 'softline', target: '/softline/v1/payment', kind: 'login' },
    {
      vendor: 'chatapp',
      target: '/crm/v1/licenses/5120/messengers/grWhatsApp/chats/79001234567@c.us/messages/text',
      kind: 'refresh',
    },
    { vendor: 'twin', target: '/twin/notify/api/v1/messages', kind: 'refresh' },
  ] as const;
  for (const { vendor, target, kind } of upstreams) {
    it(`${vendor}: all are answered, the token endpoint is called once, every body arrives whole and takes effect once`, async () => {
      await call(proxy.url, target, {
        method: 'POST',
        body: '{"text":"first"}',
        headers: { 'content-type': 'application/json' },
      });
      sandbox[vendor].set({ deadTokenDelayMs: { min: 0, max: 2_000 } });
      sandbox[vendor].revokeCurrent();
      sandbox.ledger.clear();

      const sent = Array.from({ length: 200 }, (_, index) => ({
        id: `${vendor}-${index}`,
        body: JSON.stringify({ text: randomBytes(300).toString('hex'), index }),
      }));
      const answers = await Promise.all(
        sent.map(({ id, body }) =>
          call(proxy.url, target, {
            method: 'POST',
            body,
            headers: { 'content-type': 'application/json', 'x-request-id': id },
          }),
        ),
      );

      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
      assert.equal(sandbox.ledger.count({ vendor, where: (entry) => entry.kind !== 'api' }), 1);
      assert.equal(sandbox.ledger.count({ vendor, kind }), 1);
      for (const { id, body } of sent) {
        const arrivals = sandbox.ledger.entries({ requestId: id });
        const sha256 = createHash('sha256').update(body).digest('hex');
        assert.ok(
          arrivals.every((entry) => entry.bodySha256 === sha256),
          `${id}: a body changed on its way`,
        );
        assert.equal(arrivals.filter((entry) => entry.applied).length, 1, `${id}: applied more or less than once`);
      }
      sandbox[vendor].reset();
    });
  }
});
