import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { startRedis } from '../../support/redis.ts';
import { Callers, inWords } from '../callers.ts';
import { needRedis } from '../../harness/tools.ts';
import type { Child } from '../../harness/child.ts';
import type { Scenario } from '../scenario.ts';
import { Stage } from '../stage.ts';

/** A stopping replica says so for so long before it closes its door, as in Kubernetes. */
const SHUTDOWN = { delay: '1s', drain: '5s' };
/** How often the load balancer asks who is ready. ms. */
const PROBE = 100;
const CALLERS = 4;

/** Two replicas are replaced one after the other, again and again, behind a load balancer that honours /readyz. */
export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  what: 'two replicas are restarted one after the other, again and again, under load',
  async run(tally, full) {
    const rounds = full ? 20 : 4;
    const redis = await startRedis(needRedis());
    try {
      return await Stage.with(
        {
          replicas: 2,
          store: { type: 'redis', url: redis.url },
          shutdown: SHUTDOWN,
          prepare: ({ chatapp }) => chatapp.set({ rotation: 'strict' }),
        },
        async (stage) => {
          const balancer = new Balancer(stage.replicas);
          const callers = new Callers();
          try {
            await eventually('both replicas are ready', async () => (await balancer.probe()) === 2);
            for (let index = 0; index < CALLERS; index += 1)
              callers.start(`caller ${index}`, () => balancer.next(), 0, 20);
            await eventually('there is load', () => callers.entries.length > 20);
            for (let round = 0; round < rounds; round += 1) {
              for (const [index, replica] of stage.replicas.entries()) {
                const { code } = await replica.end('SIGTERM');
                if (code !== 0)
                  tally.count(`restart ${round + 1} of replica ${index}`, `it ended with ${String(code)}`);
                stage.replicas[index] = await stage.start(index);
                await eventually('the new replica is ready', async () => (await balancer.probe()) === 2, 30_000);
              }
              // A token that ends meanwhile is renewed once, as ever.
              if (round % 2 === 0) stage.sandbox.chatapp.revokeCurrent();
            }
            await sleep(500);
          } finally {
            await callers.stop();
            balancer.stop();
          }
          tally.count(`${rounds} rolling restarts, no request failed`, inWords(callers.failed));
          tally.equal('no login but the first', stage.logins(), 1);
          tally.equal(
            'a spend for each token that ended',
            [stage.refreshes(), stage.spentTwice()],
            [Math.ceil(rounds / 2), []],
          );
          return `${rounds} rolling restarts, ${2 * rounds} processes replaced, ${callers.entries.length} requests, ${callers.failed.length} failed, ${stage.logins() - 1} further logins`;
        },
      );
    } finally {
      await redis.stop();
    }
  },
};

/** Takes the replicas that are ready in turn, as a Service does. */
class Balancer {
  readonly #replicas: readonly Child[];
  readonly #timer: NodeJS.Timeout;
  #ready: Child[] = [];
  #turn = 0;

  constructor(replicas: readonly Child[]) {
    this.#replicas = replicas;
    this.#timer = setInterval(() => void this.probe(), PROBE);
  }

  next(): string | undefined {
    this.#turn += 1;
    return this.#ready[this.#turn % Math.max(1, this.#ready.length)]?.url;
  }

  /** Asks all of them; how many are ready. */
  async probe(): Promise<number> {
    const asked = [...this.#replicas];
    const answers = await Promise.all(
      asked.map(({ operatorUrl }) =>
        call(operatorUrl, '/readyz').then(
          ({ status }) => status === 200,
          () => false,
        ),
      ),
    );
    this.#ready = asked.filter((replica, index) => answers[index] === true && this.#replicas.includes(replica));
    return this.#ready.length;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
