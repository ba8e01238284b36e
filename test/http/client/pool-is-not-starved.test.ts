import assert from 'node:assert/strict';
import { call, metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';

describe('a pool of four connections', () => {
  const close = closing();

  for (const [size, bytes] of [
    ['small', 500],
    ['large', 300_000],
  ] as const) {
    it(`is not starved by a thousand refusals of dead tokens with ${size} bodies`, async function () {
      this.timeout(60_000);
      let current = 0;
      const endpoint = await close(
        fakeUpstream((_request, response) => {
          current += 1;
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify({ access_token: `token-${current}`, expires_in: 600 }));
        }),
      );
      const refusal = Buffer.alloc(bytes, 'r');
      let open = 0;
      let most = 0;
      const upstream = await close(
        fakeUpstream((request, response) => {
          open += 1;
          most = Math.max(most, open);
          response.on('close', () => (open -= 1));
          if (request.headers.authorization === `Bearer token-${current}`) response.end('fine');
          else response.writeHead(401, { 'content-type': 'text/plain' }).end(refusal);
        }),
      );
      const proxy = await close(
        startCustomProxy({
          flows: {
            own: {
              credentials: { user: 'required' },
              login: { url: `${endpoint.url}/login`, answer: { token: '/access_token' } },
              attach: { header: 'Authorization' },
              invalid: [{ status: 401 }],
            },
          },
          accounts: { own: { flow: 'own', credentials: { user: 'u' } } },
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'own', maxConnections: 4 }],
        }),
      );
      assert.equal((await call(proxy.url, '/api/a')).status, 200);
      let refused = 0;
      // The token dies again and again, under fifty callers at a time.
      for (let round = 0; round < 20; round += 1) {
        current += 1;
        const answers = await Promise.all(
          Array.from({ length: 50 }, (_, index) => call(proxy.url, `/api/${round}/${index}`)),
        );
        refused += 50;
        assert.deepEqual(
          [...new Set(answers.map(({ status, text }) => `${status} ${text.slice(0, 10)}`))],
          ['200 fine'],
          `round ${round}`,
        );
      }
      assert.equal(refused, 1_000);
      assert.ok(most <= 4, `${most} at once`);
      assert.ok(upstream.seen.length <= 2_001);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
      assert.equal(endpoint.seen.length, 21);
    });
  }
});
