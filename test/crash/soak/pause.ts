import { setTimeout as sleep } from 'node:timers/promises';

/** Sleeps, but no longer than the soak lasts. */
export async function pause(run: { readonly over: boolean }, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!run.over && performance.now() < end) await sleep(Math.min(200, Math.max(0, end - performance.now())));
}
