import assert from 'node:assert/strict';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { dial } from '../../support/wire.ts';
import { rawUpstream } from '../../support/raw-upstream.ts';

describe('replies without a body', () => {
  const close = closing();
  const REPLIES: Readonly<
    Record<string, { readonly method: string; readonly reply: string; readonly fields: RegExp }>
  > = {
    '304 with a length': {
      method: 'GET',
      reply: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: "a"\r\n\r\n',
      fields: /etag: "a"/i,
    },
    '304 that says chunked': {
      method: 'GET',
      reply: 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n',
      fields: /^/,
    },
    '204': { method: 'DELETE', reply: 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n', fields: /x-a: 1/i },
    '204 with a length of 0': {
      method: 'PUT',
      reply: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
      fields: /^/,
    },
    'HEAD with a length': {
      method: 'HEAD',
      reply: 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n',
      fields: /content-length: 1000/i,
    },
    'HEAD that says chunked': {
      method: 'HEAD',
      reply: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      fields: /^/,
    },
    'HEAD of an error': {
      method: 'HEAD',
      reply: 'HTTP/1.1 404 Not Found\r\nContent-Length: 30\r\nContent-Type: application/json\r\n\r\n',
      fields: /content-length: 30/i,
    },
    '200 of length 0': {
      method: 'GET',
      reply: 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
      fields: /content-length: 0/i,
    },
  };

  it('end at once, and their connections serve on, on both sides', async () => {
    const upstream = await close(
      rawUpstream((line, { socket }) => void socket.write(REPLIES[decodeURIComponent(line.split(' /')[1]!)]!.reply)),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const line = await dial(proxy.url);
    let before = 0;
    for (let round = 0; round < 2; round += 1) {
      for (const [name, { method, reply, fields }] of Object.entries(REPLIES)) {
        line.socket.write(`${method} /api/${encodeURIComponent(name)} HTTP/1.1\r\nHost: proxy\r\n\r\n`);
        await line.until(new RegExp(`^[^]{${before}}HTTP/1\\.1 [^]*\\r\\n\\r\\n$`));
        const text = line.received().slice(before);
        before = line.received().length;
        assert.equal(text.slice(0, 12), reply.slice(0, 12), name);
        assert.match(text, fields, name);
        assert.equal(text.indexOf('\r\n\r\n'), text.length - 4, `${name}: ${text}`);
      }
    }
    line.socket.destroy();
    assert.equal(upstream.asked.length, 2 * Object.keys(REPLIES).length);
    assert.equal(upstream.count.opened, 1);
  });

  it('that have one all the same spoil their connection, and nobody else gets the bytes', async () => {
    const upstream = await close(
      rawUpstream(
        (line, { socket }) =>
          void socket.write(
            line.includes('spoilt')
              ? 'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
              : 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine',
          ),
      ),
    );
    const proxy = await close(startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url }] }));
    const line = await dial(proxy.url);
    for (let i = 0; i < 5; i += 1)
      line.socket.write('GET /api/spoilt HTTP/1.1\r\nHost: proxy\r\n\r\nGET /api/good HTTP/1.1\r\nHost: proxy\r\n\r\n');
    await line.until(/(fine[^]*){5}/);
    assert.doesNotMatch(line.received(), /poison/);
    line.socket.destroy();
  });
});
