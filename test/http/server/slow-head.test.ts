import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

describe('a request head that comes slowly', () => {
  const close = closing();

  it('is cut after ten seconds, however steadily it drips, and good callers do not notice', async function () {
    this.timeout(30_000);
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const startedAt = performance.now();
    const lines = await Promise.all(Array.from({ length: 50 }, () => dial(proxy.url)));
    for (const line of lines) line.socket.write('GET /api/slow HTTP/1.1\r\nHost: proxy\r\n');
    let number = 0;
    const drip = setInterval(() => {
      number += 1;
      for (const line of lines) if (line.socket.writable) line.socket.write(`X-${number}: a\r\n`);
    }, 500);
    try {
      const good: number[] = [];
      const answers = Promise.all(lines.map((line) => line.closed()));
      for (let i = 0; i < 20; i += 1) {
        const at = performance.now();
        assert.equal((await call(proxy.url, '/api/good')).status, 200);
        good.push(performance.now() - at);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      for (const text of await answers) assert.match(text, /^HTTP\/1\.1 408 |^$/);
      const took = performance.now() - startedAt;
      assert.ok(took > 9_000 && took < 16_000, `${took} ms`);
      assert.ok(Math.max(...good) < 2_000);
    } finally {
      clearInterval(drip);
    }
    assert.ok(upstream.seen.every(({ target }) => target === '/good'));
    assert.equal(upstream.seen.length, 20);
  });
});
