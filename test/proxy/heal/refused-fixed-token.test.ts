import assert from 'node:assert/strict';
import { call, metric } from '../../support/call.ts';
import { FIXED_TOKEN, startCustomProxy, closing } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';

describe('a fixed token that an upstream refuses', () => {
  const close = closing();

  it("is nobody's to renew: the upstream's own answer goes to the caller, and the refusal is noted until it is accepted", async () => {
    let accepts = false;
    const upstream = await close(
      fakeUpstream((_request, response) => {
        response.writeHead(accepts ? 200 : 401, { 'content-type': 'text/plain' }).end(accepts ? 'fine' : 'no such key');
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const refusedAt = (): number | undefined => proxy.app.tokens.statusOf('fixed')?.refusedAt;
    for (let i = 0; i < 3; i += 1) {
      const answer = await call(proxy.url, '/api/a');
      assert.deepEqual([answer.status, answer.text], [401, 'no such key']);
      assert.deepEqual(
        [answer.headers['x-tokenward-error'], answer.headers['x-tokenward-replay'], answer.headers['retry-after']],
        [undefined, undefined, undefined],
      );
      assert.notEqual(refusedAt(), undefined);
    }
    assert.equal(upstream.seen.length, 3);
    assert.ok(upstream.seen.every(({ rawHeaders }) => rawHeaders.includes(`Bearer ${FIXED_TOKEN}`)));
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_dead_token_replies_total', { account: 'fixed' }), 3);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_tokens_refused_total', { account: 'fixed' }), 1);

    accepts = true;
    assert.equal((await call(proxy.url, '/api/a')).status, 200);
    assert.equal(refusedAt(), undefined);
  });

  it('is told by the rules of its flow, where it has any', async () => {
    const upstream = await close(
      fakeUpstream(
        (_request, response) =>
          void response.writeHead(403, { 'content-type': 'application/json' }).end('{"error":"bad_key"}'),
      ),
    );
    const proxy = await close(
      startCustomProxy({
        flows: {
          keyed: {
            credentials: { token: 'required' },
            attach: { header: 'X-Key', value: '{token}' },
            invalid: [{ status: 403, body: { '/error': 'bad_key' } }],
          },
        },
        accounts: { keyed: { flow: 'keyed', credentials: { token: 'k-e-y' } } },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'keyed' }],
      }),
    );
    assert.equal((await call(proxy.url, '/api/a')).text, '{"error":"bad_key"}');
    assert.notEqual(proxy.app.tokens.statusOf('keyed')?.refusedAt, undefined);
  });
});
