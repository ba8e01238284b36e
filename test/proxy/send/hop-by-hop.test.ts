import assert from 'node:assert/strict';
import { FIXED_TOKEN, closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial, tcpServer } from '../../support/wire.ts';
import { headerValues } from '../../support/world.ts';

describe('fields of one connection', () => {
  const close = closing();

  it('of the caller end here, and so does what his Connection lists; ours cannot be listed away', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', forwarded: 'add' }] }),
    );
    const line = await dial(proxy.url);
    line.socket.write(
      [
        'POST /api/a HTTP/1.1',
        'Host: proxy',
        'Connection: X-Listed, x-other-listed , close',
        'Connection: Authorization, Host, Via, Content-Length, X-Forwarded-For, Content-Type',
        'X-Listed: 1',
        'X-OTHER-LISTED: 2',
        'Content-Type: text/plain',
        'Keep-Alive: timeout=5',
        'Proxy-Connection: keep-alive',
        'TE: trailers',
        'Trailer: X-T',
        'Proxy-Authorization: Basic abc',
        'Expect: 100-continue',
        'HTTP2-Settings: AAA',
        'Content-Length: 4',
        'X-Kept: 3',
        '',
        'body',
      ].join('\r\n'),
    );
    await line.until(/200 OK/);
    const [seen] = upstream.seen;
    assert.equal(seen?.body, 'body');
    const names = seen.rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name) => name.toLowerCase())
      .sort();
    assert.deepEqual(names, [
      'authorization',
      'connection',
      'content-length',
      'host',
      'via',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
      'x-kept',
    ]);
    assert.deepEqual(headerValues(seen.rawHeaders, 'authorization'), [`Bearer ${FIXED_TOKEN}`]);
    assert.deepEqual(headerValues(seen.rawHeaders, 'connection'), ['keep-alive']);
    assert.deepEqual(headerValues(seen.rawHeaders, 'x-forwarded-for'), ['127.0.0.1']);
    line.socket.destroy();
  });

  it('of the upstream end here too', async () => {
    const upstream = await close(
      tcpServer((socket) => {
        socket.once('data', () =>
          socket.write(
            'HTTP/1.1 200 OK\r\nConnection: X-Listed, keep-alive\r\nX-Listed: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTrailer: X-T\r\nUpgrade: h2c\r\nX-Kept: 3\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\nX-T: 1\r\n\r\n',
          ),
        );
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/a HTTP/1.1\r\nHost: proxy\r\n\r\n');
    const text = await line.until(/fine\r\n0\r\n\r\n/);
    assert.match(text, /\r\nX-Kept: 3\r\n/);
    // Connection and Keep-Alive may be there, but they are Node's own and about this connection.
    assert.doesNotMatch(text, /x-listed|timeout=5\b|proxy-connection|trailer|upgrade|x-t:/i);
    line.socket.destroy();
  });
});
