import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Counter, Registry } from 'prom-client';
import type { MetricsJson } from '../../src/operator/view.ts';
import { MetricsSum } from '../../src/workers/sum.ts';

async function countsOf(requests: number): Promise<MetricsJson> {
  const registry = new Registry();
  const counter = new Counter({ name: 'requests', help: 'Requests.', labelNames: ['route'], registers: [registry] });
  for (let route = 0; route < 50; route += 1) counter.inc({ route: `/${route}` }, requests);
  return await registry.getMetricsAsJSON();
}

/** Bytes of the heap that are in use after a full collection. */
function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('the metrics of workers that have ended', () => {
  it('stay in the sums', async () => {
    const sum = new MetricsSum();
    for (let worker = 0; worker < 3; worker += 1) sum.addEnded(await countsOf(2));
    assert.match(await sum.aggregate([await countsOf(1)]).metrics(), /^requests\{route="\/7"\} 7$/m);
  });

  it('take no more memory with each further worker', async () => {
    const sum = new MetricsSum();
    const addWorkers = async (count: number): Promise<void> => {
      for (let worker = 0; worker < count; worker += 1) sum.addEnded(await countsOf(1));
    };
    await addWorkers(20);
    const before = heapInUse();
    await addWorkers(300);
    const grown = heapInUse() - before;
    assert.ok(grown < 1_000_000, `${grown} bytes for 300 workers`);
  });
});
