import assert from 'node:assert/strict';
import { ratios, spread, type Burst } from '../../bench/measure.ts';

function burst(contender: string, round: number, cpuMicrosPerRequest: number, disturbance = 0): Burst {
  return {
    round,
    load: 'get',
    contender,
    requests: 1_000,
    seconds: 1,
    cpu: 1,
    cpuMicrosPerRequest,
    requestsPerSecond: 1_000,
    p50: 1,
    p99: 2,
    upstreamRequests: 1_000,
    upstreamConnections: 0,
    disturbance,
  };
}

describe("the benchmark's ratios", () => {
  it('are taken round by round, never between medians', () => {
    // The machine is ten times slower in the second round; the ratio is the same in both.
    const bursts = [burst('us', 0, 40), burst('them', 0, 20), burst('us', 1, 400), burst('them', 1, 200)];
    assert.deepEqual(ratios(bursts, 'get', 'us', 'them'), { values: [2, 2], disturbed: false });
  });

  it('leave out rounds in which others had the CPU, whichever of the two they disturbed', () => {
    const calm = [0, 1, 2].flatMap((round) => [burst('us', round, 30), burst('them', round, 10)]);
    const disturbed = [burst('us', 3, 90, 0.5), burst('them', 3, 10), burst('us', 4, 30), burst('them', 4, 90, 0.5)];
    assert.deepEqual(ratios([...calm, ...disturbed], 'get', 'us', 'them'), { values: [3, 3, 3], disturbed: false });
  });

  it('say so when too few rounds were calm to choose', () => {
    const bursts = [0, 1, 2, 3].flatMap((round) => [
      burst('us', round, 30, round === 0 ? 0 : 0.5),
      burst('them', round, 10),
    ]);
    assert.deepEqual(ratios(bursts, 'get', 'us', 'them'), { values: [3, 3, 3, 3], disturbed: true });
  });

  it('come with the quartiles of their values', () => {
    assert.deepEqual(spread([5, 1, 3, 2, 4]), { low: 2, median: 3, high: 4 });
    assert.deepEqual(spread([1, 2]), { low: 1.25, median: 1.5, high: 1.75 });
  });
});
