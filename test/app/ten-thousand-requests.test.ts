import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { metric } from '../support/call.ts';
import { dial } from '../support/wire.ts';
import { freshWorld, tokenCalls, VENDORS } from '../support/world.ts';

const MIB = 1024 * 1024;
const REQUESTS = 10_000;
const CALLERS = 20;
/** Requests a caller writes at once: half of the work here would be the callers' otherwise. */
const BATCH = 10;
/** And how many times, before he comes on a new connection. */
const BATCHES = 10;

/** What is still in use: garbage that nobody has collected yet is no leak. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('10,000 requests through each route', () => {
  const world = freshWorld({ sandbox: { ledgerLimit: 500 } });

  for (const { vendor, read } of VENDORS) {
    it(`${vendor}: all answered, then no upstream request is open and memory is where it was`, async function () {
      this.timeout(60_000);
      const { sandbox, proxy } = world();
      const request = `GET ${read} HTTP/1.1\r\nHost: proxy\r\n\r\n`;
      const last = `GET ${read} HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n`;
      const storm = async (count: number): Promise<void> => {
        let left = count;
        await Promise.all(
          Array.from({ length: CALLERS }, async () => {
            while (left > 0) {
              left -= BATCH * BATCHES;
              const line = await dial(proxy.url);
              // Ten at a time, the last one with the wish to close.
              line.socket.write(request.repeat(BATCH));
              let answers = 0;
              let tail = '';
              let batches = 1;
              line.socket.on('data', (text: string) => {
                // A status line may come in two pieces.
                answers += (tail + text).split('HTTP/1.1 200 ').length - 1;
                tail = text.slice(-12);
                if (answers < batches * BATCH || batches === BATCHES) return;
                batches += 1;
                line.socket.write(batches < BATCHES ? request.repeat(BATCH) : request.repeat(BATCH - 1) + last);
              });
              const text = await line.closed();
              assert.equal(text.split('HTTP/1.1 200 ').length - 1, BATCH * BATCHES);
            }
          }),
        );
      };
      await storm(2_000);
      const [heap, rss] = [heapInUse(), process.memoryUsage.rss()];
      await storm(REQUESTS);
      await sandbox.ledger.idle();
      assert.deepEqual(sandbox.ledger.open(), { softline: 0, chatapp: 0, twin: 0 });
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_buffered_bytes'), 0);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_total', { status: '2xx' }), REQUESTS + 2_000);
      assert.ok(sandbox.ledger.last({ vendor })!.seq >= REQUESTS);
      assert.equal(tokenCalls(sandbox, vendor), 0, 'after the first login, which the short ledger has forgotten');
      // 1 KiB kept of each request would show as 10 MiB. The sandbox and the callers are in this process too.
      const [heapGrown, rssGrown] = [(heapInUse() - heap) / MIB, (process.memoryUsage.rss() - rss) / MIB];
      assert.ok(heapGrown < 8, `the heap grew by ${heapGrown.toFixed(1)} MiB`);
      assert.ok(rssGrown < 96, `the resident memory grew by ${rssGrown.toFixed(1)} MiB`);
    });
  }
});
