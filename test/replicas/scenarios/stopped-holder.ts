import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import { startRedis } from '../../support/redis.ts';
import { Callers, inWords } from '../callers.ts';
import { needRedis } from '../../harness/tools.ts';
import { renewByHand } from '../renew-by-hand.ts';
import type { Scenario } from '../scenario.ts';
import { Stage } from '../stage.ts';
import type { Tally } from '../../harness/tally.ts';

/** Twice the lease of the token manager, and a little. ms. */
const STOPPED = 61_000;
/** Within the lease the other replica takes over. ms. */
const TAKEN_OVER_MOST = 45_000;

/** The process that renews is stopped for twice its lease, and goes on as if nothing had happened. */
export const stoppedHolder: Scenario = {
  name: 'stopped-holder',
  what: 'the holder of the lease is stopped for twice as long as it lasts, then resumed',
  waits: true,
  async run(tally) {
    const lines = await Promise.all([stopAt('P1', tally), stopAt('P2', tally), stopAt('P4', tally)]);
    return lines.join('; ');
  },
};

async function stopAt(point: 'P1' | 'P2' | 'P4', tally: Tally): Promise<string> {
  const redis = await startRedis(needRedis());
  const name = `holder stopped at ${point}`;
  try {
    return await Stage.with(
      {
        replicas: 2,
        store: { type: 'redis', url: redis.url },
        prepare: ({ chatapp }) => chatapp.set({ rotation: 'strict' }),
      },
      async (stage) => {
        const [a, b] = stage.replicas as [(typeof stage.replicas)[0], (typeof stage.replicas)[0]];
        const callers = new Callers();
        for (const [who, { url }] of [
          ['a', a],
          ['b', b],
        ] as const)
          if (!(await callers.once(who, url)).ok)
            throw new Error(`the first request came to ${inWords(callers.failed) ?? ''}`);

        const since = stage.mark();
        stage.sandbox.chatapp.revokeCurrent();
        let lost;
        if (point === 'P4') {
          stage.sandbox.chatapp.set({ refreshMode: 'slow', slowMs: 1_000, refreshModeCount: 1 });
          lost = callers.once('a', a.url);
          await eventually(
            'the refresh is carried out',
            () => stage.ledger.count({ kind: 'refresh', since, where: ({ issued }) => issued !== null }) > 0,
          );
          a.kill('SIGSTOP');
        } else {
          const reached = await a.arm(point, 'SIGSTOP');
          lost = callers.once('a', a.url);
          await reached();
        }
        const stoppedAt = performance.now();

        // The other one takes over as soon as the lease has ended.
        let taken = false;
        await eventually(
          'the other replica has a token',
          async () => (taken = (await callers.once('b', b.url)).ok),
          TAKEN_OVER_MOST,
        ).catch(() => undefined);
        const tookOver = performance.now() - stoppedAt;
        tally.count(`${name}: the other one takes over`, taken ? undefined : `not within ${TAKEN_OVER_MOST} ms`);
        const token = stage.newestToken();
        tally.equal(`${name}: the other one uses the newest token`, await stage.tokenOf(callers, 'b', b), token);

        await sleep(Math.max(0, STOPPED - (performance.now() - stoppedAt)));
        const before = stage.ledger.count({ since, where: ({ kind }) => kind !== 'api' });
        a.kill('SIGCONT');
        // It has waited for a minute: an answer, or our own word that this took too long.
        const { ok, why } = await lost;
        tally.count(
          `${name}: its own request comes to an end`,
          ok || why === '503 token_unavailable' ? undefined : why,
        );
        await eventually(
          "it answers with the other one's token",
          async () => (await stage.tokenOf(callers, 'a', a)) === token,
        ).catch(() => undefined);
        tally.equal(`${name}: resumed, it uses the other one's token`, await stage.tokenOf(callers, 'a', a), token);
        tally.equal(
          `${name}: resumed, it calls nobody`,
          stage.ledger.count({ since, where: ({ kind }) => kind !== 'api' }),
          before,
        );
        tally.equal(`${name}: no refresh token was spent twice`, stage.spentTwice(), []);
        tally.equal(
          `${name}: no family was revoked`,
          stage.ledger.count({ where: ({ reason }) => reason === 'family-revoked' }),
          0,
        );
        // At P1 nothing says that the refresh token may be spent; from P2 on something does, and only a login is sure.
        tally.equal(`${name}: logins`, stage.logins(since), point === 'P1' ? 0 : 1);

        // That nothing was written over shows in the next renewal: it spends the other one's refresh token, which is
        // alive.
        const again = stage.mark();
        const { status } = await renewByHand(a.operatorUrl, 'crm0');
        tally.equal(
          `${name}: an ordinary renewal afterwards`,
          [status, stage.refreshes(again), stage.logins(again)],
          [200, 1, 0],
        );
        return `${point}: taken over after ${Math.round(tookOver / 1000)} s, ${stage.logins(since)} login${stage.logins(since) === 1 ? '' : 's'}`;
      },
    );
  } finally {
    await redis.stop();
  }
}
