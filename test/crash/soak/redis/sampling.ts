import { call } from '../../../support/call.ts';
import { heapAfterCollection } from './heap.ts';
import { vitalsOf } from './kernel.ts';
import { pause } from '../pause.ts';
import type { Replica } from './replica.ts';
import type { RedisSoak } from './run-state.ts';

const EVERY = 10_000;
/** Of one sample of a latency. */
const CALLS = 3;

/** What the kernel says of each process that lives long, what the store holds, how soon a cheap request is answered. */
export async function sampleForever(run: RedisSoak): Promise<void> {
  while (!run.over) {
    await pause(run, EVERY);
    for (const replica of [run.undisturbed, run.survivor]) {
      await sampleProcesses(run, replica);
      // A worker that is killed just then answers nobody: that is no delay of an event loop.
      await sampleLatency(run, replica).catch(() => undefined);
    }
    const { keys, bytes, usedMemory } = await run.redis.size();
    run.samples.add('store: keys', keys);
    run.samples.add('store: bytes of them', bytes);
    run.samples.add('store: used_memory of all users', usedMemory);
    run.samples.add('this program: resident memory', process.memoryUsage.rss());
  }
}

async function sampleProcesses(run: RedisSoak, replica: Replica): Promise<void> {
  const { pid, workers } = replica;
  if (pid === undefined) return;
  let together = 0;
  for (const [role, id] of [['primary', pid] as const, ...workers.map((worker) => ['worker', worker] as const)]) {
    const vitals = vitalsOf(id);
    if (vitals === undefined) continue;
    const name = `${replica.name}'s ${role} ${id}`;
    run.samples.add(`${name}: resident memory`, vitals.rss);
    run.samples.add(`${name}: descriptors`, vitals.descriptors);
    run.samples.add(`${name}: processor seconds`, vitals.cpuSeconds);
    if (role === 'worker') together += vitals.rss;
  }
  // While one is replaced there is one too few, or one too many.
  if (workers.length === run.workers) run.samples.add(`${replica.name}'s workers together: resident memory`, together);
}

/** What each process of the undisturbed replica keeps. */
export async function sampleHeap(run: RedisSoak): Promise<void> {
  const { undisturbed } = run;
  for (const url of undisturbed.inspectors) {
    const heap = await heapAfterCollection(url);
    if (heap === undefined) continue;
    const role = heap.pid === undisturbed.pid ? 'primary' : 'worker';
    run.samples.add(`undisturbed's ${role} ${heap.pid}: heap after a collection`, heap.bytes);
  }
}

/** The primary answers /healthz itself, and a worker a path without a route: neither waits for anybody. */
async function sampleLatency(run: RedisSoak, replica: Replica): Promise<void> {
  const { url, operatorUrl } = replica;
  if (url === undefined || operatorUrl === undefined) return;
  const signal = AbortSignal.timeout(5_000);
  for (let count = 0; count < CALLS; count += 1) {
    run.samples.add(`${replica.name}'s primary: delay`, await timed(() => call(operatorUrl, '/healthz', { signal })));
    // On a connection of its own, so that the workers take them in turn.
    run.samples.add(
      `${replica.name}'s workers: delay`,
      await timed(() => call(url, '/nowhere', { signal, from: '127.0.0.1' })),
    );
  }
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}
