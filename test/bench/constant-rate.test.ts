import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

const RATE = 200;
const STALL = 500;

describe('the constant-rate load generator', () => {
  let server: Server;
  let seen = 0;
  let stalledFrom = Infinity;

  beforeEach(async () => {
    seen = 0;
    stalledFrom = Infinity;
    server = createServer((_request, response) => {
      seen += 1;
      // Halfway through, half a second in which nobody is answered.
      if (seen === 260) stalledFrom = performance.now();
      const wait = Math.max(0, stalledFrom + STALL - performance.now());
      setTimeout(() => response.end('ok'), performance.now() < stalledFrom ? 0 : wait);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  // A generator that waits for answers before it sends again would see one slow request per connection: "coordinated
  // omission".
  it('makes everybody count who had to wait while the server stood still', async () => {
    const { port } = server.address() as AddressInfo;
    // One connection: whoever comes during the stall can only be sent after it.
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['bench/load/rate.mjs', `http://127.0.0.1:${port}/x`, String(RATE), '1', '2', 'GET', '0', 'X-A: 1'],
      { encoding: 'utf8' },
    );
    const found = JSON.parse(/^BURST (.*)$/m.exec(stdout)![1]!) as {
      requests: number;
      p50: number;
      p99: number;
      non2xx: number;
      socketErrors: number;
      timeouts: number;
    };
    // Two seconds, and 300 ms of warm-up.
    assert.equal(found.requests, 460);
    assert.equal(seen, found.requests);
    assert.deepEqual([found.non2xx, found.socketErrors, found.timeouts], [0, 0, 0]);
    // A quarter of all requests fell into the stall; the latencies of those spread from 0 to 500 ms.
    assert.ok(found.p99 > 0.8 * STALL * 1000, `p99 ${found.p99} µs`);
  });
});
