import { needRedis } from '../../harness/tools.ts';
import { call } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis } from '../../support/redis.ts';
import type { Behaviour } from './behaviour.ts';
import { Rollout } from './rollout.ts';

/** The ConfigMap changes while one pod is old and one is new: both take it over, under load, and so does the next. */
export const aReloadInTheMiddle: Behaviour = {
  name: 'a reload in the middle',
  async run(tally) {
    const redis = await startRedis(needRedis());
    try {
      return await Rollout.with({ store: { type: 'redis', url: redis.url } }, async (rollout) => {
        const statuses = async (): Promise<number[]> => {
          const found: number[] = [];
          for (const pod of rollout.pods)
            found.push((await call(`http://127.0.0.1:${pod.port}`, '/added/v1/licenses')).status);
          return found;
        };
        await rollout.roll(tally, async () => {
          tally.equal('the new route is not there yet', await statuses(), [404, 404]);
          rollout.mount({ routes: rollout.routesWith('/added') });
          await eventually(
            'the route is there, on the old pod and the new one',
            async () => (await statuses()).every((status) => status === 200),
            20_000,
          );
        });
        tally.equal('and on the pod that came later', await statuses(), [200, 200]);
        return rollout.judge(tally);
      });
    } finally {
      await redis.stop();
    }
  },
};
