import { needRedis } from '../../harness/tools.ts';
import { startRedis } from '../../support/redis.ts';
import type { Behaviour } from './behaviour.ts';
import { Rollout } from './rollout.ts';

/** An upgrade as it should be. */
export const allHealthy: Behaviour = {
  name: 'all healthy',
  async run(tally) {
    const redis = await startRedis(needRedis());
    try {
      return await Rollout.with({ store: { type: 'redis', url: redis.url } }, async (rollout) => {
        await rollout.roll(tally);
        return rollout.judge(tally);
      });
    } finally {
      await redis.stop();
    }
  },
};
