import type { Tally } from '../../harness/tally.ts';
import { budget } from './budget.ts';
import { absurdLifetimes, clocks } from './clocks.ts';
import { crashLoop, crashLoopByClock, restartsCostNothing } from './crash-loop.ts';
import { deadCredential } from './dead-credential.ts';
import { endpointDown } from './endpoint-down.ts';
import { keys } from './keys.ts';
import { sigterm } from './sigterm.ts';
import { suspend } from './suspend.ts';

/** What takes its time beside what takes the machine. */
export async function runScenarios(tally: Tally, crashLoopFor: number): Promise<void> {
  const one = (name: string, act: () => Promise<void>): Promise<void> => tally.attempt(name, act);
  await Promise.all([
    one('crash loop', () => crashLoop(tally, crashLoopFor)),
    one('suspend', () => suspend(tally)),
    (async () => {
      await one('endpoint down', () => endpointDown(tally));
      await one('clocks', () => clocks(tally));
      await one('lifetimes', () => absurdLifetimes(tally));
      await one('keys', () => keys(tally));
    })(),
    (async () => {
      await one('SIGTERM', () => sigterm(tally));
      await one('crash loop by the clock', () => crashLoopByClock(tally));
      await one('restarts', () => restartsCostNothing(tally));
      await one('budget', () => budget(tally));
      await one('dead credential', () => deadCredential(tally));
    })(),
  ]);
}
