import assert from 'node:assert/strict';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { call } from '../../support/call.ts';
import { freshWorld, withRoute } from '../../support/world.ts';
import { closing } from '../../support/custom-proxy.ts';
import { httpServer } from '../../support/wire.ts';
import { startProxy } from '../../support/proxy.ts';

/** Replies that are expensive to look into. All are errors in JSON to whoever believes their label. */
const BOMBS: Readonly<Record<string, { readonly body: Buffer; readonly coding?: string }>> = {
  'gzip of 40 MiB': { body: gzipSync(Buffer.alloc(40 * 1024 ** 2)), coding: 'gzip' },
  'brotli of 256 MiB': { body: brotliCompressSync(Buffer.alloc(256 * 1024 ** 2)), coding: 'br' },
  'deflate of 40 MiB': { body: deflateSync(Buffer.alloc(40 * 1024 ** 2)), coding: 'deflate' },
  'gzip in gzip': { body: gzipSync(gzipSync(Buffer.alloc(64 * 1024 ** 2))), coding: 'gzip, gzip' },
  'gzip that does not say so': { body: gzipSync(Buffer.alloc(40 * 1024 ** 2, '[')) },
  'JSON 30,000 deep, in arrays': {
    body: Buffer.from(`${'['.repeat(30_000)}"ApiInvalidTokenError"${']'.repeat(30_000)}`),
  },
  'JSON 10,000 deep, in objects': {
    body: Buffer.from(`${'{"a":'.repeat(10_000)}"ApiInvalidTokenError"${'}'.repeat(10_000)}`),
  },
  'gzip of deep JSON': {
    body: gzipSync(`${'['.repeat(120_000)}"ApiInvalidTokenError"${']'.repeat(120_000)}`),
    coding: 'gzip',
  },
  'long numbers': {
    body: Buffer.from(`{"success":false,"error":{"code":"ApiInvalidTokenErrorr"},"n":${'9'.repeat(60_000)}}`),
  },
};

describe('replies that are expensive to look into', function () {
  this.timeout(60_000);
  const world = freshWorld();
  const close = closing();

  it('stall nobody else, renew nothing, and arrive unchanged', async () => {
    const upstream = await close(
      httpServer((request, response) => {
        const bomb = BOMBS[decodeURIComponent(request.url!.slice(1))];
        if (bomb === undefined) {
          response.end('fine');
          return;
        }
        response.writeHead(200, {
          'content-type': 'application/json',
          ...(bomb.coding !== undefined && { 'content-encoding': bomb.coding }),
        });
        response.end(bomb.body);
      }),
    );
    const { sandbox } = world();
    const proxy = await startProxy(sandbox, { config: withRoute('/crm', { upstream: upstream.url }) });
    try {
      await call(proxy.url, '/crm/warm');
      for (const [name, { body }] of Object.entries(BOMBS)) {
        // Twenty at a time; meanwhile somebody asks for something small, again and again.
        let done = false;
        let slowest = 0;
        // Our own processor time between two turns of the loop: what other programs do on this machine does not count.
        let last = process.cpuUsage();
        const watch = setInterval(() => {
          const { user, system } = process.cpuUsage(last);
          slowest = Math.max(slowest, (user + system) / 1_000);
          last = process.cpuUsage();
        }, 5);
        const small = (async () => {
          while (!done) assert.equal((await call(proxy.url, '/crm/small')).text, 'fine');
        })();
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => call(proxy.url, `/crm/${encodeURIComponent(name)}`)),
        );
        done = true;
        await small;
        clearInterval(watch);
        for (const answer of answers) assert.ok(answer.status === 200 && answer.body.equals(body), name);
        // One look costs a few milliseconds; without bounds it would be hundreds, twenty times over.
        assert.ok(slowest < 1_000, `${name}: the event loop stood still for ${Math.round(slowest)} ms`);
      }
      assert.equal(sandbox.ledger.count({ vendor: 'chatapp' }), 1, 'one login, and nothing since');
    } finally {
      await proxy.stop();
    }
  });
});
