import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { OK, rawUpstream } from '../../support/raw-upstream.ts';

describe('an upstream that resets half of the requests', () => {
  const close = closing();

  it('is asked a tenth more often than it would be without retries, beyond the first few', async () => {
    let number = 0;
    const upstream = await close(
      rawUpstream((_line, { socket }) => {
        number += 1;
        if (number % 2 === 0) socket.resetAndDestroy();
        else socket.write(OK);
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, maxConnections: 16 }] }),
    );
    const requests = 1_500;
    let good = 0;
    let asked = 0;
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (asked < requests) {
          asked += 1;
          if ((await call(proxy.url, '/api/a')).status === 200) good += 1;
        }
      }),
    );
    const attempts = upstream.asked.length;
    assert.ok(attempts > requests, 'there are retries at all');
    assert.ok(attempts <= requests * 1.1 + 10, `${attempts} attempts for ${requests} requests`);
    assert.ok(good > requests * 0.4);
  });
});
