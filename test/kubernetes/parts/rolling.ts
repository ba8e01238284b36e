import { aDeadAccount } from '../rolling/a-dead-account.ts';
import { aRedisFailover } from '../rolling/a-redis-failover.ts';
import { aReloadInTheMiddle } from '../rolling/a-reload-in-the-middle.ts';
import { allHealthy } from '../rolling/all-healthy.ts';
import type { Behaviour } from '../rolling/behaviour.ts';
import type { Part } from '../part.ts';

const BEHAVIOURS: readonly Behaviour[] = [allHealthy, aDeadAccount, aRedisFailover, aReloadInTheMiddle];

/** Rolling upgrades of real processes over a real Redis, behind a Service. */
export const rolling: Part = {
  name: 'rolling',
  isHeavy: true,
  async run(tally) {
    for (const { name, run } of BEHAVIOURS)
      await tally.attempt(name, async () => console.log(`  ${name}: ${await run(tally)}`));
    return `${BEHAVIOURS.length} upgrades of two replicas`;
  },
};
