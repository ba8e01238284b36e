import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { ownCode } from '../../support/world.ts';
import { OK, rawUpstream } from '../../support/raw-upstream.ts';

describe('an upstream that closes an idle connection just as a request is sent on it', () => {
  const close = closing();

  /** Each connection answers one request; the next one on it is met by a reset or an end. */
  async function stage(way: 'reset' | 'end', route: object = {}) {
    const upstream = await close(
      rawUpstream((_line, { socket, requests }) => {
        if (requests === 1) socket.write(OK);
        else if (way === 'reset') socket.resetAndDestroy();
        else socket.end();
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...route }] }),
    );
    return { upstream, proxy };
  }

  for (const way of ['reset', 'end'] as const) {
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      it(`${method}, by ${way}: is sent once more, on a new connection, and answered`, async () => {
        const { upstream, proxy } = await stage(way);
        await call(proxy.url, '/api/first');
        const answer = await call(proxy.url, '/api/second', { method });
        assert.equal(answer.status, 200);
        assert.deepEqual(upstream.asked, [
          { line: 'GET /first', connection: 1 },
          { line: `${method} /second`, connection: 1 },
          { line: `${method} /second`, connection: 2 },
        ]);
      });
    }

    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      it(`${method}, by ${way}: is not sent twice: 502`, async () => {
        const { upstream, proxy } = await stage(way);
        await call(proxy.url, '/api/first');
        const answer = await call(proxy.url, '/api/second', { method, body: 'x' });
        assert.deepEqual([answer.status, ownCode(answer)], [502, 'upstream_broken']);
        assert.deepEqual(
          upstream.asked.map(({ line }) => line),
          ['GET /first', `${method} /second`],
        );
      });
    }
  }

  for (const most of [64, 4]) {
    it(`a GET is answered also when all idle connections (of at most ${most}) are as old`, async () => {
      const first: Socket[] = [];
      const upstream = await close(
        rawUpstream((_line, { socket, requests, number }) => {
          if (requests > 1) socket.resetAndDestroy();
          else if (number > 4) socket.write(OK);
          // All four are open before the first is answered, so that each of them gets old.
          else if (first.push(socket) === 4) for (const one of first) one.write(OK);
        }),
      );
      const proxy = await close(
        startCustomProxy({
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', maxConnections: most }],
        }),
      );
      await Promise.all(Array.from({ length: 4 }, (_, index) => call(proxy.url, `/api/${index}`)));
      assert.equal(upstream.count.opened, 4);
      assert.equal((await call(proxy.url, '/api/again')).status, 200);
      assert.equal(upstream.asked.filter(({ line }) => line === 'GET /again').length, 2);
    });
  }

  it('a GET is not sent again once a byte of its answer has come', async () => {
    const upstream = await close(
      rawUpstream((_line, { socket }) => {
        socket.write('HTTP/1.1 2');
        setTimeout(() => socket.resetAndDestroy(), 30);
      }),
    );
    const proxy = await close(startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url }] }));
    assert.equal(ownCode(await call(proxy.url, '/api/a')), 'upstream_broken');
    assert.equal(upstream.asked.length, 1);
  });
});
