import assert from 'node:assert/strict';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const KEY = 'kEy-of-the-batch-job-2b1f60';

describe('a refused caller whose body does not come', () => {
  const close = closing();

  it('has his answer and holds no place of the others', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        callers: [{ name: 'batch', key: keyDigest(KEY) }],
        limits: { inFlight: 3 },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
      }),
    );
    const lines = await Promise.all(Array.from({ length: 12 }, () => dial(proxy.url)));
    for (const line of lines) {
      line.socket.write('POST /api/a HTTP/1.1\r\nHost: proxy\r\nContent-Length: 100000\r\n\r\n');
      assert.match(await line.until(/caller_key_missing/), /^HTTP\/1\.1 401 /);
    }
    for (let i = 0; i < 3; i += 1)
      assert.equal((await call(proxy.url, '/api/a', { headers: { 'x-tokenward-key': KEY } })).status, 200);
    for (const { socket } of lines) socket.destroy();
  });
});
