import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { call, metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { operator } from '../../support/operator.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

describe('limits.inFlight', () => {
  const close = closing();

  it('answers one request too many with 503 at once, while the others go on; and lets in as many again when they end', async () => {
    const held: ServerResponse[] = [];
    const upstream = await close(
      fakeUpstream((request, response) => void (request.url === '/hold' ? held.push(response) : response.end('fine'))),
    );
    const proxy = await close(
      startCustomProxy({
        limits: { inFlight: 5 },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
      }),
    );
    for (let round = 0; round < 3; round += 1) {
      const going = Array.from({ length: 5 }, () => call(proxy.url, '/api/hold'));
      await eventually('five are under way', () => held.length === 5);
      for (const options of [{}, { method: 'POST', body: 'x'.repeat(200_000) }, { headers: { host: 'proxy' } }]) {
        const startedAt = performance.now();
        const answer = await call(proxy.url, '/api/more', options);
        assert.deepEqual(
          [answer.status, ownCode(answer), answer.headers['retry-after']],
          [503, 'too_many_requests', '1'],
        );
        assert.ok(performance.now() - startedAt < 2_000);
      }
      await operator(proxy).get('/healthz').expect(200, 'ok\n');
      for (const response of held.splice(0)) response.end('fine');
      assert.deepEqual(
        (await Promise.all(going)).map(({ status }) => status),
        [200, 200, 200, 200, 200],
      );
    }
    assert.equal(upstream.seen.filter(({ target }) => target === '/more').length, 0);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_errors_total', { reason: 'too_many_requests' }), 9);
  });

  it('counts nobody twice: refused, malformed and abandoned requests give their place back', async () => {
    const upstream = await close(
      fakeUpstream((request, response) => void (request.url === '/hold' || response.end('fine'))),
    );
    const proxy = await close(
      startCustomProxy({
        limits: { inFlight: 2 },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', policy: { deny: [{ path: '/no' }] } }],
      }),
    );
    for (let i = 0; i < 10; i += 1) {
      assert.equal((await call(proxy.url, '/nowhere')).status, 404);
      assert.equal((await call(proxy.url, '/api/no')).status, 403);
      assert.equal((await call(proxy.url, '/api/%2e%2e')).status, 400);
      assert.equal((await call(proxy.url, '/api/a', { method: 'PROPFIND' })).status, 405);
      const abort = new AbortController();
      const left = call(proxy.url, '/api/hold', { signal: abort.signal });
      const seen = upstream.seen.length;
      await eventually('it has arrived', () => upstream.seen.length > seen);
      abort.abort();
      await assert.rejects(left);
      await eventually(
        'it is gone',
        async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0,
      );
    }
    const both = await Promise.all([call(proxy.url, '/api/a'), call(proxy.url, '/api/b')]);
    assert.deepEqual(
      both.map(({ status }) => status),
      [200, 200],
    );
  });
});
