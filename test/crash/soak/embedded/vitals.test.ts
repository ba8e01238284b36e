import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { judgeVitals, sampleVitals, type Vitals } from './vitals.ts';

const MIB = 1024 * 1024;
const MINUTE = 60_000;

describe('how a process does in a soak', () => {
  it('passes one that stays as it is', () => {
    assert.deepEqual(judgeVitals(growing({}, 10)).faults, []);
  });

  it('allows little growth in a long run, and more in one of minutes', () => {
    const growth = { rss: 10 * MIB };
    assert.deepEqual(judgeVitals(growing(growth, 8)).faults, []);
    assert.match(judgeVitals(growing(growth, 120)).faults.join(), /resident memory grew/);
  });

  it('allows 1 MiB an hour over twelve hours, and not 2', () => {
    assert.deepEqual(judgeVitals(growing({ rss: 6 * MIB }, 720)).faults, []);
    assert.match(judgeVitals(growing({ rss: 12 * MIB }, 720)).faults.join(), /resident memory grew/);
  });

  it('finds descriptors that are not closed, and what cannot be read', () => {
    assert.match(judgeVitals(growing({ descriptors: 3 }, 120)).faults.join(), /open descriptors grew/);
    assert.match(judgeVitals(growing({ descriptors: 6 }, 8)).faults.join(), /open descriptors grew/);
    assert.match(judgeVitals(growing({}, 8, 0)).faults.join(), /cannot be read/);
  });

  it("takes memory and descriptors from the kernel, whatever the process's metrics say", async () => {
    const server = createServer((_request, response) =>
      response.end('process_resident_memory_bytes 1\nprocess_open_fds 1\nnodejs_heap_size_used_bytes 7\n'),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const child = { pid: process.pid, operatorUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const files: number[] = [];
    try {
      const before = await sampleVitals(child);
      for (let file = 0; file < 50; file += 1) files.push(openSync('/dev/null', 'r'));
      const after = await sampleVitals(child);
      assert.ok(before.rss > 10 * MIB, String(before.rss));
      assert.ok(after.descriptors - before.descriptors >= 40, `${before.descriptors} → ${after.descriptors}`);
      assert.equal(after.heap, 7);
    } finally {
      for (const file of files) closeSync(file);
      server.close();
      server.closeAllConnections();
    }
  });
});

/** Samples of a run of so many minutes; `growth`: from the second quarter to the last. */
function growing(growth: Partial<Vitals>, minutes: number, factor = 1): Vitals[] {
  return Array.from({ length: 80 }, (_, index) => {
    const share = (index / 80) * 2;
    const value = (start: number, by = 0): number => factor * start + share * by;
    return {
      at: (index / 79) * minutes * MINUTE,
      rss: value(100 * MIB, growth.rss),
      heap: value(30 * MIB, growth.heap),
      descriptors: factor * 30 + Math.round(share * (growth.descriptors ?? 0)),
      lag: 0.001,
    };
  });
}
