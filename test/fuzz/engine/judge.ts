import type { Target } from '../target.ts';

/** CPU time that one input may take, and what each KiB of it adds. ms. */
const MAX_CPU_MS = 200;
const MAX_CPU_MS_PER_KIB = 2;
/** How often it must take too long: the machine may have been busy with something else. */
const TIMES = 3;

/** Runs a target. Throws what is wrong: the target's own complaint, or that it took too long. */
export async function judge(target: Target, bytes: Buffer): Promise<void> {
  const started = performance.now();
  const running = target.run(bytes);
  if (running !== undefined) await running;
  const limitMs = (target.maxCpuMs ?? MAX_CPU_MS) + (MAX_CPU_MS_PER_KIB * bytes.length) / 1_024;
  if (performance.now() - started > limitMs) await checkTime(target, bytes, limitMs);
}

async function checkTime(target: Target, bytes: Buffer, limitMs: number): Promise<void> {
  let least = Infinity;
  for (let times = 0; times < TIMES; times += 1) {
    const before = process.cpuUsage();
    await target.run(bytes);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
    if (least <= limitMs) return;
  }
  throw new Error(`too slow: more than ${Math.round(limitMs)} ms of CPU time for one input`);
}
