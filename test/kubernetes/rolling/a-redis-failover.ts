import { needRedis } from '../../harness/tools.ts';
import { MASTER_NAME, startSentinels } from '../../support/redis-sentinel.ts';
import type { Behaviour } from './behaviour.ts';
import { Rollout } from './rollout.ts';

/** The Redis master is killed between two pods: the next one waits for its successor, and those that serve go on. */
export const aRedisFailover: Behaviour = {
  name: 'a Redis failover',
  async run(tally) {
    const group = await startSentinels(needRedis());
    const store = {
      type: 'redis',
      sentinel: { name: MASTER_NAME, nodes: group.nodes.map(({ host, port }) => `${host}:${port}`) },
    };
    try {
      return await Rollout.with({ store, readinessPath: '/readyz?store=optional' }, async (rollout) => {
        let took = 0;
        let next: Promise<unknown> = Promise.resolve();
        await rollout.roll(tally, async () => {
          await group.settled();
          const master = await group.master();
          const startedAt = Date.now();
          await master.kill();
          // The rollout does not wait for it.
          next = group.failedOver(master).then(() => (took = Date.now() - startedAt));
        });
        await next;
        return `${rollout.judge(tally)}; without a Redis for ${(took / 1_000).toFixed(1)} s`;
      });
    } finally {
      await group.stop();
    }
  },
};
