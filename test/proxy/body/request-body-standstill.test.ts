import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial, tcpServer } from '../../support/wire.ts';

describe('a request body that stands still', () => {
  const close = closing();
  const LENGTHS = {
    'with a length, kept': 'Content-Length: 1000',
    'chunked, kept': 'Transfer-Encoding: chunked',
    'with a length, streamed': 'Content-Length: 5000000',
  };

  for (const [kind, framing] of Object.entries(LENGTHS)) {
    it(`${kind}: is not waited for: 408, its bytes given back, and nothing complete goes out`, async () => {
      const upstream = await close(fakeUpstream());
      const proxy = await close(
        startCustomProxy({
          limits: { bodyIdle: '300ms' },
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
        }),
      );
      const line = await dial(proxy.url);
      line.socket.write(
        `POST /api/a HTTP/1.1\r\nHost: proxy\r\n${framing}\r\n\r\n${framing.startsWith('T') ? '5\r\nhello\r\n' : 'hello'}`,
      );
      const text = await line.until(/\r\n\r\n\{.*\}/s);
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.match(text, /x-tokenward-error: body_timeout/i);
      assert.match(text, /connection: close/i);
      line.socket.destroy();
      assert.equal(upstream.seen.length, 0);
      await eventually(
        'nothing is kept',
        async () =>
          (await metric(proxy.operatorUrl, 'tokenward_buffered_bytes')) === 0 &&
          (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0,
      );
    });
  }

  it('is another thing than one that is slow: that one arrives', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        limits: { bodyIdle: '600ms' },
        routes: [
          { prefix: '/keep', upstream: upstream.url },
          {
            prefix: '/stream',
            upstream: upstream.url,
            maxReplayBody: 0,
            timeouts: { firstByte: '300ms', idle: '300ms' },
          },
        ],
      }),
    );
    for (const prefix of ['/keep', '/stream']) {
      const line = await dial(proxy.url);
      line.socket.write(`POST ${prefix}/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 8\r\n\r\n`);
      for (const letter of 'abcd') {
        // Longer than the upstream itself may take, each time.
        await sleep(350);
        line.socket.write(letter.repeat(2));
      }
      assert.match(await line.until(/fine/), /^HTTP\/1\.1 200 /, prefix);
      line.socket.destroy();
    }
    assert.deepEqual(
      upstream.seen.map(({ body }) => body),
      ['aabbccdd', 'aabbccdd'],
    );
  });

  it('time and again does not shorten the time the upstream has for its answer afterwards', async () => {
    // Pieces come just after each look at how long the connection has been silent; the answer takes half of what it
    // may.
    const upstream = await close(
      fakeUpstream((_request, response) => void setTimeout(() => response.end('fine'), 1_000)),
    );
    const proxy = await close(
      startCustomProxy({
        limits: { bodyIdle: '30s' },
        routes: [
          { prefix: '/api', upstream: upstream.url, maxReplayBody: 0, timeouts: { firstByte: '2s', idle: '2s' } },
        ],
      }),
    );
    const line = await dial(proxy.url);
    line.socket.write('POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 8\r\n\r\n');
    for (let index = 0; index < 8; index += 1) {
      await sleep(590);
      line.socket.write('x');
    }
    assert.match(await line.until(/fine|x-tokenward-error/i), /^HTTP\/1\.1 200 /);
    line.socket.destroy();
  });

  it("because the upstream takes no more of it is the upstream's fault: 504", async () => {
    const upstream = await close(tcpServer((socket) => void socket.pause()));
    const proxy = await close(
      startCustomProxy({
        limits: { bodyIdle: '30s' },
        routes: [{ prefix: '/api', upstream: upstream.url, timeouts: { firstByte: '500ms' } }],
      }),
    );
    const line = await dial(proxy.url);
    line.socket.write('POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 50000000\r\n\r\n');
    line.socket.write(Buffer.alloc(50_000_000));
    assert.match(await line.until(/x-tokenward-error: \w+/i), /^HTTP\/1\.1 504 .*upstream_timeout/s);
    line.socket.destroy();
  });
});
