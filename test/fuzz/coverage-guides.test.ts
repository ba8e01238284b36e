import assert from 'node:assert/strict';
import { Coverage } from './engine/coverage.ts';
import { fuzz, type Fault } from './engine/loop.ts';
import { judge } from './engine/judge.ts';
import type { Target } from './target.ts';

describe('the fuzzer', () => {
  it('finds a fault behind checks that no chance passes, and the shortest input for it', async function () {
    this.timeout(120_000);
    const covers = ['/test/fuzz/planted.ts'];
    const coverage = new Coverage(covers);
    try {
      const { readPlanted } = await import('./planted.ts');
      const target: Target = {
        name: 'planted',
        covers,
        maxBytes: 64,
        words: [],
        run: (bytes) => void readPlanted(bytes),
      };
      const faults: Fault[] = [];
      const hooks = {
        before: () => undefined,
        progress: () => undefined,
        fault: (fault: Fault) => faults.push(fault),
      };
      for (let seed = 1; seed <= 30 && faults.length === 0; seed += 1)
        await fuzz(target, coverage, { seconds: 2, seed }, hooks);
      assert.deepEqual(
        faults.map(({ message, bytes }) => [message, bytes.toString('latin1')]),
        [['the planted fault', 'FUZ!']],
      );
    } finally {
      coverage.close();
    }
  });

  it('takes an input that needs too much time for a fault', async () => {
    const slow: Target = {
      name: 'slow',
      covers: [],
      maxBytes: 64,
      words: [],
      run() {
        let sum = 0;
        for (const before = process.cpuUsage(); process.cpuUsage(before).user < 250_000;)
          for (let i = 0; i < 1_000_000; i += 1) sum += i;
        assert.ok(sum > 0);
      },
    };
    await assert.rejects(judge(slow, Buffer.alloc(0)), /too slow/);
  });
});
