import assert from 'node:assert/strict';
import { dial, tcpServer } from '../../support/wire.ts';
import { call } from '../../support/call.ts';
import { FIXED_TOKEN, closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';

describe('what an upstream says of credentials', () => {
  const close = closing();

  it('does not reach the caller: challenges, and every field that repeats the live token', async () => {
    const upstream = await close(
      fakeUpstream((request, response) => {
        response.writeHead(403, [
          'WWW-Authenticate',
          'Bearer realm="vendor", error="insufficient_scope"',
          'www-authenticate',
          'Basic',
          'Proxy-Authenticate',
          'Basic',
          'Authentication-Info',
          'nextnonce="1"',
          'Proxy-Authentication-Info',
          'x',
          'WWW_Authenticate',
          'Negotiate',
          'X-Echo',
          request.headers.authorization ?? '',
          'X-Debug',
          `curl -H 'Authorization: Bearer ${FIXED_TOKEN}'`,
          'Link',
          `<https://x/?t=${FIXED_TOKEN}>; rel=next`,
          'X-Kept',
          'yes',
          'Content-Type',
          'text/plain',
        ]);
        response.end('no');
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const answer = await call(proxy.url, '/api/a');
    assert.deepEqual(
      [answer.status, answer.text, answer.headers['x-kept'], answer.headers['content-type']],
      [403, 'no', 'yes', 'text/plain'],
    );
    assert.ok(!answer.rawHeaders.join('\n').includes(FIXED_TOKEN));
    assert.doesNotMatch(answer.rawHeaders.join('\n'), /auth|x-echo|x-debug|link/i);
  });

  it('does not reach him in the reason phrase or in trailers either', async () => {
    const upstream = await close(
      tcpServer((socket) => {
        socket.once('data', () =>
          socket.end(
            `HTTP/1.1 403 Bad token ${FIXED_TOKEN}\r\nTransfer-Encoding: chunked\r\nTrailer: X-Echo\r\n\r\n2\r\nno\r\n0\r\nX-Echo: ${FIXED_TOKEN}\r\n\r\n`,
          ),
        );
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/a HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    const text = await line.closed();
    assert.match(text, /^HTTP\/1\.1 403 /);
    assert.match(text, /no/);
    assert.ok(!text.includes(FIXED_TOKEN), text);
  });

  it('is left alone on routes without a token, but for the challenges', async () => {
    const upstream = await close(
      fakeUpstream((_request, response) =>
        response.writeHead(401, { 'www-authenticate': 'Basic', 'x-any': FIXED_TOKEN }).end(),
      ),
    );
    const proxy = await close(startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url }] }));
    const answer = await call(proxy.url, '/api/a');
    assert.deepEqual(
      [answer.status, answer.headers['www-authenticate'], answer.headers['x-any']],
      [401, undefined, FIXED_TOKEN],
    );
  });
});
