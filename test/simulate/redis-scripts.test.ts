import assert from 'node:assert/strict';
import * as scripts from '../../src/tokens/stores/redis-scripts.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { Random } from './random.ts';
import { RedisData } from './redis-data.ts';

const HOUR = 3_600_000;

/** A command of the store, drawn at random, on few keys so that commands meet. */
function command(random: Random, now: number): string[] {
  const budget = `t:budget:{${random.below(2)}}`;
  const record = `t:record:{${random.below(2)}}`;
  const lease = `t:lease:{${random.below(2)}}`;
  const evaluate = (script: string, key: string, ...args: (string | number)[]): string[] => [
    'EVAL',
    script,
    '1',
    key,
    ...args.map(String),
  ];
  const known = (): number[] => Array.from({ length: random.below(3) }, () => now - random.below(30 * HOUR));
  const clock = now + random.pick([0, 0, 0, 25 * HOUR, -25 * HOUR, 90_000, -90_000]);
  return random.pick([
    () => evaluate(scripts.DEBIT, budget, clock, 24 * HOUR, `m${random.below(1_000)}`, 1 + random.below(6), ...known()),
    () => evaluate(scripts.USED, budget, clock, 24 * HOUR, `m${random.below(1_000)}`, ...known()),
    () => evaluate(scripts.TAKE_BACK, budget, now - random.below(30 * HOUR)),
    () => ['ZADD', budget, String(now - random.below(30 * HOUR)), `${now - random.below(30 * HOUR)}-restored-0`],
    () =>
      evaluate(scripts.REPLACE, record, random.below(4), random.below(5), random.below(4), 'sealed', 'channel', 'name'),
    () => ['HMGET', record, 'revision', 'generation', 'sealed'],
    () => evaluate(scripts.ACQUIRE, lease, `owner ${random.below(3)}`, 30_000),
    () => evaluate(scripts.RELEASE, lease, `owner ${random.below(3)}`),
    () => ['GET', lease],
    () => ['SET', random.pick([budget, record]), 'of another type'],
    () => ['DEL', random.pick([budget, record, lease])],
    () => ['SET', 't:check:{mark}', `mark ${random.below(3)}`, 'NX'],
    () => ['ZRANGE', budget, '0', '-1', 'WITHSCORES'],
  ])();
}

describe("the simulation's Redis", () => {
  let server: RedisServer;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());

  it('carries out the commands and scripts of the store as Redis does', async function () {
    this.timeout(60_000);
    let compared = 0;
    for (let round = 0; round < 40; round += 1) {
      const random = new Random(round);
      await server.command('FLUSHALL');
      let now = 0;
      const data = new RedisData(
        () => now,
        () => undefined,
      );
      const history: string[][] = [];
      for (let step = 0; step < 40; step += 1) {
        // Redis has its own time; the simulated one is set to it, so that only what is counted in ms can differ.
        const [seconds, micros] = (await server.command('TIME')) as [string, string];
        now = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
        const args = command(random, now);
        const words = args.map((arg) => (arg.includes('\n') ? 'script' : arg));
        history.push(words);
        const real = await server.command(...args).catch((error: unknown) => (error as Error).message.split(' ')[0]);
        let simulated: unknown;
        try {
          simulated = data.run(args);
        } catch (error) {
          simulated = (error as Error).message.split(' ')[0];
        }
        assert.ok(alike(real, simulated), `${JSON.stringify({ real, simulated })} after ${JSON.stringify(history)}`);
        compared += 1;
      }
    }
    assert.equal(compared, 1_600);
  });
});

/** Equal, but for the time that passes between the reading of the clock and the command; others differ by hours. */
function alike(real: unknown, simulated: unknown): boolean {
  if (Array.isArray(real) && Array.isArray(simulated))
    return real.length === simulated.length && real.every((value, index) => alike(value, simulated[index]));
  const [a, b] = [Number(real), Number(simulated)];
  if (real !== null && !Number.isNaN(a) && !Number.isNaN(b)) return Math.abs(a - b) <= 5_000;
  if (typeof real === 'string' && typeof simulated === 'string' && /^\d+-/.test(real)) return /^\d+-/.test(simulated);
  return real === simulated;
}
