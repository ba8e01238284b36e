import assert from 'node:assert/strict';
import { call, metric } from '../../support/call.ts';
import { FIXED_TOKEN, closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

describe('redirects', () => {
  const close = closing();

  it('of an upstream are handed to the caller, never followed', async () => {
    const elsewhere = await close(fakeUpstream());
    let status = 302;
    const upstream = await close(
      fakeUpstream((request, response) =>
        response
          .writeHead(status, { location: request.url === '/same' ? '/other' : `${elsewhere.url}/stolen` })
          .end('moved'),
      ),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    for (status of [301, 302, 303, 307, 308]) {
      for (const method of ['GET', 'POST']) {
        const away = await call(proxy.url, '/api/away', { method, ...(method === 'POST' && { body: 'x' }) });
        assert.deepEqual([away.status, away.headers.location, away.text], [status, `${elsewhere.url}/stolen`, 'moved']);
        const same = await call(proxy.url, '/api/same', { method });
        assert.deepEqual([same.status, same.headers.location], [status, '/api/other']);
      }
    }
    assert.equal(upstream.seen.length, 20);
    assert.equal(elsewhere.seen.length, 0);
  });

  it('of a token endpoint are a failure: the password goes nowhere else', async () => {
    const elsewhere = await close(
      fakeUpstream((_request, response) =>
        response.setHeader('content-type', 'application/json').end('{"access_token":"stolen","expires_in":600}'),
      ),
    );
    const upstream = await close(fakeUpstream());
    for (const status of [301, 302, 303, 307, 308]) {
      const endpoint = await close(
        fakeUpstream((_request, response) => response.writeHead(status, { location: `${elsewhere.url}/token` }).end()),
      );
      const proxy = await close(
        startCustomProxy({
          accounts: {
            partner: {
              flow: 'oauth2',
              credentials: { tokenUrl: `${endpoint.url}/token`, clientId: 'id', clientSecret: 'sEcReT' },
            },
          },
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'partner' }],
        }),
      );
      assert.equal(ownCode(await call(proxy.url, '/api/a')), 'token_unavailable');
      // Once more while the caller waits, as after any odd answer.
      assert.equal(endpoint.seen.length, 2);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_renewal_failures_total', { reason: 'redirect' }), 2);
    }
    assert.equal(elsewhere.seen.length, 0);
    assert.equal(upstream.seen.length, 0);
  });

  it('that repeat the token lose it, or their whole Location rather than show it', async () => {
    const odd = 'with+odd/characters=and&more%';
    const encoded = (token: string) => `/next?key=${encodeURIComponent(token)}`;
    for (const [attach, token, location, arrives] of [
      [{ query: 'key' }, FIXED_TOKEN, encoded(FIXED_TOKEN), '/api/next'],
      [{ query: 'key' }, odd, `/next?a=1&KEY=${encodeURIComponent(odd)}&b=2#there`, '/api/next?a=1&b=2#there'],
      [{ query: 'key' }, odd, `/next?key=${odd}`, undefined],
      [{ query: 'key' }, odd, `/next?other=${encodeURIComponent(odd)}`, undefined],
      [{ header: 'Authorization' }, odd, `https://elsewhere.example/?t=${odd}`, undefined],
    ] as const) {
      const upstream = await close(fakeUpstream((_request, response) => response.writeHead(302, { location }).end()));
      const proxy = await close(
        startCustomProxy({
          accounts: { own: { flow: 'static', credentials: { token }, attach } },
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'own' }],
        }),
      );
      const answer = await call(proxy.url, '/api/a');
      assert.equal(upstream.seen.length, 1);
      assert.deepEqual([answer.status, answer.headers.location], [302, arrives], location);
    }
  });
});
