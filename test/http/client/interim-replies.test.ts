import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { ownCode } from '../../support/world.ts';
import { OK, rawUpstream } from '../../support/raw-upstream.ts';

describe('interim replies nobody asked for', () => {
  const close = closing();
  const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
  const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';

  async function stage(before: readonly string[], pause = 0) {
    const upstream = await close(
      rawUpstream((_line, { socket }) => {
        let wait = 0;
        for (const piece of [...before, OK]) setTimeout(() => socket.write(piece), pause * (wait += 1));
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    return { upstream, proxy };
  }

  for (const [name, before] of Object.entries({
    '100': [CONTINUE],
    '103': [HINTS],
    '102 and 103, 100 again': ['HTTP/1.1 102 Processing\r\n\r\n', HINTS, CONTINUE],
    'eight of them': Array.from({ length: 8 }, () => HINTS),
  })) {
    it(`${name}: are swallowed, together with the reply or before it, and the connection serves on`, async () => {
      for (const [pieces, pause] of [
        [before, 0],
        [before, 15],
        [[before.join('')], 0],
      ] as const) {
        const { upstream, proxy } = await stage(pieces, pause);
        for (const method of ['GET', 'POST', 'GET']) {
          const answer = await call(proxy.url, '/api/a', { method, ...(method === 'POST' && { body: 'x' }) });
          assert.deepEqual([answer.status, answer.text, answer.headers.link], [200, 'fine', undefined]);
        }
        assert.equal(upstream.count.opened, 1);
        assert.equal(upstream.asked.length, 3);
      }
    });
  }

  it('without end are an error, and so are a switch of protocols and malformed framing', async () => {
    for (const pieces of [
      Array.from({ length: 50 }, () => CONTINUE),
      ['HTTP/1.1 103 Early Hints\r\nContent-Length: a\r\n\r\n'],
      ['HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'],
      ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n'],
    ]) {
      const { upstream, proxy } = await stage(pieces);
      assert.equal(ownCode(await call(proxy.url, '/api/a', { method: 'POST', body: 'x' })), 'upstream_broken');
      assert.equal(upstream.asked.length, 1);
    }
  });
});
