import { needRedis } from '../../harness/tools.ts';
import { startRedis } from '../../support/redis.ts';
import type { Behaviour } from './behaviour.ts';
import { Rollout } from './rollout.ts';

/** One account's password is refused: the rollout gets through, and the other account's callers notice nothing. */
export const aDeadAccount: Behaviour = {
  name: 'a dead account',
  async run(tally) {
    const redis = await startRedis(needRedis());
    try {
      return await Rollout.with({ store: { type: 'redis', url: redis.url }, deadAccount: true }, async (rollout) => {
        await rollout.roll(tally);
        const dead = rollout.callers.calls.filter(({ account }) => account === 1);
        tally.equal(
          'callers of the dead account are told so, by every pod',
          [...new Set(dead.map(({ what }) => what.replace(/^.*: /, '')))],
          ['503 credential_dead'],
        );
        return `${rollout.judge(tally)}; ${dead.length} requests of the dead account`;
      });
    } finally {
      await redis.stop();
    }
  },
};
