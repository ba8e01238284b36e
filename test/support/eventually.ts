import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until something holds that gives no event. Fails with what it was about when that takes too long. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  within = 10_000,
): Promise<void> {
  const end = performance.now() + within;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`did not come true within ${within} ms: ${what}`);
    await sleep(10);
  }
}
