import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { ownCode } from '../../support/world.ts';
import { rawUpstream } from '../../support/raw-upstream.ts';

describe('an upstream whose head comes in drops', () => {
  const close = closing();

  it('is given up after twice the time its first byte may take: 504, for a GET once only', async () => {
    const upstream = await close(
      rawUpstream((_line, { socket }) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const drip = setInterval(() => socket.write('X-Drop: a\r\n'), 40);
        socket.on('close', () => clearInterval(drip));
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, timeouts: { firstByte: '300ms' } }] }),
    );
    for (const method of ['GET', 'POST']) {
      const startedAt = performance.now();
      const answer = await call(proxy.url, '/api/a', { method });
      assert.deepEqual([answer.status, ownCode(answer)], [504, 'upstream_timeout']);
      assert.ok(performance.now() - startedAt < 5_000);
    }
    assert.equal(upstream.asked.length, 2);
  });

  it('without end, or with a line without end, is not gathered for ever: 502', async () => {
    for (const drop of [`X-Drop: ${'a'.repeat(1_000)}\r\n`, 'a'.repeat(1_000)]) {
      const upstream = await close(
        rawUpstream((_line, { socket }) => {
          socket.write('HTTP/1.1 200 OK\r\nX-A: ');
          const pour = setInterval(() => socket.write(drop.repeat(10)), 2);
          socket.on('close', () => clearInterval(pour));
        }),
      );
      const proxy = await close(startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url }] }));
      assert.equal(ownCode(await call(proxy.url, '/api/a', { method: 'POST' })), 'upstream_broken');
    }
  });

  it('in single bytes, but in time, is read as usual', async () => {
    const upstream = await close(
      rawUpstream((_line, { socket }) => {
        void (async () => {
          for (const letter of 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n') {
            socket.write(letter);
            await new Promise((resolve) => setTimeout(resolve, 2));
          }
        })();
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    for (let i = 0; i < 2; i += 1) assert.equal((await call(proxy.url, '/api/a')).text, 'fine');
    assert.equal(upstream.count.opened, 1);
  });
});
