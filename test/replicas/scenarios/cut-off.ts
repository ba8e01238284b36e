import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { startRedis } from '../../support/redis.ts';
import { Callers, inWords } from '../callers.ts';
import { needRedis } from '../../harness/tools.ts';
import type { Scenario } from '../scenario.ts';
import { Stage } from '../stage.ts';

/** Life of a token, s. Ten minutes of an hour's token are to this as the cut to its whole life, and more. */
const LIFE = 15;
/** How long the replica is cut off while its token lives. ms. */
const CUT = 9_000;
/** An error of a replica without a token comes so soon. ms. */
const FAIL_FAST = 1_500;

interface Ready {
  readonly ready: boolean;
  readonly problems: readonly { readonly problem: string }[];
}

/** One replica loses its way to Redis: nothing is answered, nothing is refused. */
export const cutOff: Scenario = {
  name: 'cut-off',
  what: 'one replica is cut off from Redis without a word, while its token lives and beyond',
  async run(tally) {
    const redis = await startRedis(needRedis());
    const link = await FaultProxy.start(redis.url);
    try {
      return await Stage.with(
        {
          replicas: 2,
          store: (index) => ({ type: 'redis', url: index === 0 ? redis.url : `redis://${new URL(link.url).host}` }),
          prepare: ({ chatapp }) => chatapp.set({ rotation: 'strict', accessTtlSeconds: LIFE }),
        },
        async (stage) => {
          const [a, b] = stage.replicas as [(typeof stage.replicas)[0], (typeof stage.replicas)[0]];
          const callers = new Callers();
          callers.start('a', () => a.url);
          callers.start('b', () => b.url);
          await eventually('both have a token', () =>
            ['a', 'b'].every((who) => callers.entries.some((entry) => entry.who === who && entry.ok)),
          );
          const born = stage.ledger.entries({ kind: 'login' })[0]!.at;

          await link.set({ blackHole: true });
          await sleep(CUT);
          tally.count('while the token lives, no request fails', inWords(callers.failed));
          tally.equal('and nobody renews', stage.refreshes(), 0);
          const living = (await call(b.operatorUrl, '/readyz')).json() as Ready;
          tally.equal(
            'the replica is not ready, so that its traffic may go elsewhere, and says what is wrong',
            [living.ready, living.problems.some(({ problem }) => problem.includes('store'))],
            [false, true],
          );

          // Past the end of its life: the other replica renews, this one may not.
          const end = born + LIFE * 1_000;
          await sleep(Math.max(0, end + 1_500 - Date.now()));
          const after = callers.entries.filter(({ who, startedAt }) => who === 'b' && startedAt > end + 200);
          tally.count(
            'after its end the replica fails, and says why',
            after.length > 0 && after.every(({ why }) => why === '503 store_unavailable') ? undefined : inWords(after),
          );
          const slowest = Math.max(...after.map(({ startedAt, endedAt }) => endedAt - startedAt));
          tally.count('it fails fast', slowest <= FAIL_FAST ? undefined : `only after ${slowest} ms`);
          tally.equal('and is still not ready', ((await call(b.operatorUrl, '/readyz')).json() as Ready).ready, false);
          tally.count(
            'the other replica has not failed once',
            inWords(callers.failed.filter(({ who }) => who === 'a')),
          );
          tally.equal('one spend, by the other replica', [stage.refreshes(), stage.logins()], [1, 1]);

          stage.sandbox.chatapp.set({ accessTtlSeconds: 3_600 });
          const healedAt = performance.now();
          await link.clear();
          await eventually('the replica answers again', async () => (await callers.once('b', b.url)).ok, 10_000).catch(
            () => undefined,
          );
          const recovery = performance.now() - healedAt;
          tally.count('it recovers by itself', recovery < 8_000 ? undefined : `not within ${Math.round(recovery)} ms`);
          await eventually(
            'it is ready again',
            async () => ((await call(b.operatorUrl, '/readyz')).json() as Ready).problems.length === 0,
            10_000,
          ).catch(() => tally.count('it says that all is well', 'it does not'));
          await callers.stop();
          tally.equal(
            'with the token of the other one, or its successor: no login, nothing spent twice',
            [stage.logins(), stage.spentTwice()],
            [1, []],
          );
          return `${callers.entries.length} requests; cut off for ${CUT / 1000} s of a life of ${LIFE} s without a failure; back ${(recovery / 1000).toFixed(1)} s after the link`;
        },
      );
    } finally {
      await link.close();
      await redis.stop();
    }
  },
};
