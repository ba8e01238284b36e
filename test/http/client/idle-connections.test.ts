import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { OK, rawUpstream } from '../../support/raw-upstream.ts';

describe('idle connections to an upstream', () => {
  const close = closing();
  const saying = (timeout: number): string =>
    `HTTP/1.1 200 OK\r\nKeep-Alive: timeout=${timeout}, max=100\r\nContent-Length: 4\r\n\r\nfine`;

  async function stage(answer: Parameters<typeof rawUpstream>[0]) {
    const upstream = await close(rawUpstream(answer));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    return { upstream, proxy };
  }

  it('are closed by us a second before the time the upstream says', async () => {
    const { upstream, proxy } = await stage((_line, { socket }) => void socket.write(saying(2)));
    await call(proxy.url, '/api/a');
    await sleep(400);
    await call(proxy.url, '/api/b');
    assert.deepEqual(
      upstream.asked.map(({ connection }) => connection),
      [1, 1],
    );
    const idleSince = performance.now();
    await eventually('we have closed it', () => upstream.count.closed === 1);
    const after = performance.now() - idleSince;
    assert.ok(after > 700 && after < 1_900, `${after} ms`);
    assert.equal((await call(proxy.url, '/api/c')).status, 200);
    assert.equal(upstream.asked.at(-1)!.connection, 2);
  });

  it('are not kept at all if it keeps them for a second only, or says close', async () => {
    for (const reply of [
      saying(1),
      saying(0),
      OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'),
      OK.replace('1.1', '1.0'),
    ]) {
      const { upstream, proxy } = await stage((_line, { socket }) => void socket.write(reply));
      for (let i = 0; i < 3; i += 1) assert.equal((await call(proxy.url, '/api/a')).status, 200);
      assert.deepEqual(
        upstream.asked.map(({ connection }) => connection),
        [1, 2, 3],
      );
      await eventually('all are closed', () => upstream.count.closed === 3);
    }
  });

  it('are closed after four seconds where it says nothing', async () => {
    const { upstream, proxy } = await stage((_line, { socket }) => void socket.write(OK));
    await call(proxy.url, '/api/a');
    const idleSince = performance.now();
    await sleep(3_000);
    assert.equal(upstream.count.closed, 0);
    await eventually('we have closed it', () => upstream.count.closed === 1);
    assert.ok(performance.now() - idleSince < 6_000);
  });

  it('are used last in, first out, so that the others grow old', async () => {
    const held: { line: string; socket: Socket }[] = [];
    const { upstream, proxy } = await stage(
      (line, { socket }) => void (line.includes('hold') ? held.push({ line, socket }) : socket.write(OK)),
    );
    const first = [0, 1, 2].map((index) => call(proxy.url, `/api/hold/${index}`));
    await eventually('three are open', () => held.length === 3);
    // They become idle one after the other; the last one is used from then on.
    for (const { socket } of held.splice(0)) {
      socket.write(OK);
      await sleep(50);
    }
    await Promise.all(first);
    const last = upstream.asked.at(-1)!.connection;
    for (let i = 0; i < 10; i += 1) await call(proxy.url, '/api/a');
    assert.deepEqual(
      upstream.asked.slice(3).map(({ connection }) => connection),
      Array.from({ length: 10 }, () => last),
    );
    assert.equal(upstream.count.opened, 3);
  });

  it('on which the upstream says something unasked are not used again', async () => {
    const { upstream, proxy } = await stage((line, { socket }) => {
      socket.write(OK);
      if (line === 'GET /poison')
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'), 50);
    });
    await call(proxy.url, '/api/poison');
    await eventually('it is closed', () => upstream.count.closed === 1);
    for (let i = 0; i < 5; i += 1) assert.equal((await call(proxy.url, '/api/a')).text, 'fine');
  });
});
