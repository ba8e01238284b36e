import { startRedis } from '../../support/redis.ts';
import { eventually } from '../../support/eventually.ts';
import { Callers, inWords } from '../callers.ts';
import { needRedis } from '../../harness/tools.ts';
import type { Scenario } from '../scenario.ts';
import { Stage } from '../stage.ts';

const ACCOUNTS = 4;
/** Life of an access token, s: the endpoint tells whole seconds, so that tokenward takes it for 1 to 2. */
const LIFE = 2;
/** A token is renewed from three quarters of its life on (docs/terms.md). ms. */
const SPENT_LEAST = 750 * LIFE;
/** Of so many one may go sooner: where a second ends between issue and response, tokenward takes the life for 1 s. */
const ONE_IN = 10;
/** Both replicas use the new token so soon after the endpoint has given it out. ms. */
const ADOPTED_MOST = 250;

/** Tokens end under load in two replicas: each end costs one spend, and both go on with the same successor. */
export const expiries: Scenario = {
  name: 'expiries',
  what: 'two replicas under load, tokens end again and again',
  async run(tally, full) {
    const wanted = full ? 500 : 60;
    const redis = await startRedis(needRedis());
    try {
      return await Stage.with(
        {
          replicas: 2,
          accounts: ACCOUNTS,
          store: { type: 'redis', url: redis.url },
          prepare: ({ chatapp }) => chatapp.set({ rotation: 'strict', accessTtlSeconds: LIFE }),
        },
        async (stage) => {
          const callers = new Callers();
          for (const [index, who] of ['a', 'b'].entries())
            for (let account = 0; account < ACCOUNTS; account += 1)
              callers.start(who, () => stage.replicas[index]!.url, account);
          await eventually('enough tokens have ended', () => stage.refreshes() >= wanted, 20_000 + wanted * 2_500);
          // Long ones from here on, so that nothing ends while we count.
          stage.sandbox.chatapp.set({ accessTtlSeconds: 3_600 });
          await eventually(
            'all go on with long ones',
            () =>
              stage.ledger
                .entries({ kind: 'refresh' })
                .slice(-ACCOUNTS)
                .every(({ at }) => at + 1_000 * LIFE < Date.now()),
            30_000,
          );
          await callers.stop();
          await stage.ledger.idle();

          const refreshes = stage.ledger.entries({ kind: 'refresh' });
          tally.equal(
            `${refreshes.length} spends, none of them refused`,
            refreshes.filter(({ outcome }) => outcome !== 'ok').length,
            0,
          );
          tally.equal('no refresh token arrived twice', stage.spentTwice(), []);
          tally.equal('one login for each account, at the start', stage.logins(), ACCOUNTS);
          tally.count('no request failed', inWords(callers.failed));
          // The pair that a refresh spends was issued by an earlier call: so long it has lived.
          const issuedAt = new Map(
            stage.ledger
              .entries({ where: ({ kind, issued }) => kind !== 'api' && issued !== null })
              .map(({ issued, at }) => [issued, at]),
          );
          const early = refreshes.filter(({ refreshTokenId, at }) => at - issuedAt.get(refreshTokenId)! < SPENT_LEAST);
          tally.count(
            'tokens are not renewed before their time',
            early.length <= refreshes.length / ONE_IN ? undefined : `${early.length} of ${refreshes.length} were`,
          );

          const uses = new Map<string, Map<string, number>>();
          for (const { tokenId, requestId, at } of stage.ledger.entries({ kind: 'api' })) {
            if (tokenId === null || requestId === null) continue;
            const by = uses.get(tokenId) ?? new Map<string, number>();
            uses.set(tokenId, by);
            const who = requestId.slice(0, 1);
            if (!by.has(who)) by.set(who, at);
          }
          let worst = 0;
          for (const { issued, finishedAt } of refreshes) {
            for (const who of ['a', 'b']) {
              const first = uses.get(issued ?? '')?.get(who);
              const late = first === undefined ? Infinity : first - finishedAt!;
              worst = Math.max(worst, late);
              tally.count(
                `replica ${who} on ${issued ?? ''}`,
                late <= ADOPTED_MOST ? undefined : `only after ${late} ms`,
              );
            }
          }
          return `${refreshes.length} ends, ${refreshes.length} spends, ${callers.entries.length} requests; the later replica on the new token after ${worst} ms at most`;
        },
      );
    } finally {
      await redis.stop();
    }
  },
};
