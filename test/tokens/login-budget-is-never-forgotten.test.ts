import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { LoginBudgets, type BudgetLimits } from '../../src/tokens/budget.ts';
import { bootTimeOf, type BootTime } from '../../src/tokens/boot-time.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisOptions } from './redis-factory.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const limits: BudgetLimits = { key: 'chatapp/who', logins: 100, window: DAY, reserve: 20 };

/** Logs in until it is told that there are no more; how many that were. */
async function useUp(budgets: LoginBudgets, clock: FakeClock, most = 1_000): Promise<number> {
  for (let made = 0; made < most; made += 1) {
    clock.pass(1);
    if (!(await budgets.debit(limits, false)).granted) return made;
  }
  return most;
}

describe('the count of logins, when a clock is wrong', () => {
  describe('in the embedded store', () => {
    let folder: string;
    const opened: EmbeddedStore[] = [];
    const open = (clock: FakeClock, running?: () => BootTime): EmbeddedStore => {
      const store = EmbeddedStore.open(folder, {
        ownerIsGone: () => false,
        now: () => clock.wall(),
        ...(running && { running }),
      });
      opened.push(store);
      return store;
    };
    beforeEach(() => {
      folder = temporaryFolder();
    });
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('set ahead by 25 hours for an instant: 80 logins in all, however many are tried in it', async () => {
      const clock = new FakeClock();
      const budgets = new LoginBudgets(open(clock, bootTimeOf(clock)), clock);
      let made = await useUp(budgets, clock, 79);
      clock.jump(25 * HOUR);
      made += await useUp(budgets, clock);
      clock.jump(-25 * HOUR);
      made += await useUp(budgets, clock);
      assert.equal(made, 80);
    });

    it('the same where the machine does not tell how long it runs: what was counted before is not thrown away', async () => {
      const clock = new FakeClock();
      const budgets = new LoginBudgets(open(clock), clock);
      let made = await useUp(budgets, clock, 79);
      clock.jump(25 * HOUR);
      made += await useUp(budgets, clock, 1);
      clock.jump(-25 * HOUR);
      made += await useUp(budgets, clock);
      assert.equal(made, 80);
    });

    it('set back by 25 hours for an instant, also through a restart: 80 in all', async () => {
      const clock = new FakeClock();
      const running = bootTimeOf(clock);
      const budgets = new LoginBudgets(open(clock, running), clock);
      let made = await useUp(budgets, clock, 40);
      clock.jump(-25 * HOUR);
      made += await useUp(new LoginBudgets(open(clock, running), clock), clock, 30);
      clock.jump(25 * HOUR);
      made += await useUp(new LoginBudgets(open(clock, running), clock), clock);
      assert.equal(made, 80);
    });

    it('set back for good: logins come back when a day has passed, not when the clock has caught up', async () => {
      const clock = new FakeClock();
      const budgets = new LoginBudgets(open(clock, bootTimeOf(clock)), clock);
      await useUp(budgets, clock);
      clock.jump(-365 * DAY);
      const { retryAt } = await budgets.state(limits);
      assert.ok(
        Math.abs(retryAt! - (clock.wall() + DAY)) < 2_000,
        'and the time to try again is by the clock as it is now',
      );
      clock.pass(DAY - 1_000);
      assert.equal(await useUp(budgets, clock), 0);
      clock.pass(2_000);
      assert.equal(await useUp(budgets, clock), 80);
    });

    it('years ahead once, and then the machine starts anew with a right clock: nothing is blocked for ever', async () => {
      const clock = new FakeClock();
      clock.jump(70 * 365 * DAY);
      await useUp(new LoginBudgets(open(clock, bootTimeOf(clock)), clock), clock);
      clock.jump(-70 * 365 * DAY);
      const next = bootTimeOf(clock);
      const budgets = new LoginBudgets(open(clock, next), clock);
      assert.equal(await useUp(budgets, clock), 0, 'too careful is the cheap mistake');
      clock.pass(DAY + 1_000);
      assert.equal(await useUp(budgets, clock), 80);
    });
  });

  describe('in Redis, shared with hosts whose clocks are right', () => {
    let server: RedisServer;
    const opened: RedisStore[] = [];
    let prefix = 0;
    before(async function () {
      server = await startRedis(requireTool(this, 'redis-server'));
    });
    after(() => server?.stop());
    beforeEach(() => void (prefix += 1));
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close();
    });
    const host = async (ahead: number): Promise<[LoginBudgets, FakeClock]> => {
      const store = await RedisStore.open(redisOptions(server, { keyPrefix: `clocks-${prefix}` }));
      opened.push(store);
      const clock = new FakeClock();
      clock.jump(ahead);
      return [new LoginBudgets(store, clock), clock];
    };

    for (const [what, ahead] of [
      ['25 hours ahead', 25 * HOUR],
      ['25 hours behind', -25 * HOUR],
      ['a year ahead', 365 * DAY],
      ['a year behind', -365 * DAY],
    ] as const) {
      it(`a host that is ${what} makes no room: 80 logins of all hosts together, whoever comes first`, async () => {
        const [right, wrong] = [await host(0), await host(ahead)];
        let made = await useUp(...right, 40);
        made += await useUp(...wrong, 30);
        made += await useUp(...right, 5);
        made += await useUp(...wrong);
        made += await useUp(...right);
        assert.equal(made, 80);
        assert.equal((await right[0].state(limits)).remaining, 0);
      });
    }

    it('a login of a host that was years ahead counts for a day from when it is seen, not for years', async () => {
      const [wrong, right] = [await host(70 * 365 * DAY), await host(0)];
      await useUp(...wrong, 3);
      assert.equal((await right[0].debit(limits, false)).granted, true);
      const entries = (
        (await server.command('ZRANGE', `clocks-${prefix}:budget:{chatapp/who}`, '0', '-1', 'WITHSCORES')) as string[]
      )
        .filter((_, index) => index % 2 === 1)
        .map(Number);
      assert.equal(entries.length, 4);
      for (const at of entries) assert.ok(Math.abs(at - Date.now()) < 60_000, `${at}`);
    });

    it('a user who may not ask Redis for the time is served as well, by his own clock', async () => {
      await server.command('ACL', 'SETUSER', 'notime', 'on', '>secret', '~*', '&*', '+@all', '-time');
      const store = await RedisStore.open(
        redisOptions(server, { keyPrefix: `clocks-${prefix}`, username: 'notime', password: 'secret' }),
      );
      opened.push(store);
      const clock = new FakeClock();
      assert.equal(await useUp(new LoginBudgets(store, clock), clock), 80);
    });

    it('a short window does not let Redis drop what a longer one still counts', async () => {
      const [budgets, clock] = await host(0);
      await useUp(budgets, clock, 10);
      const short: BudgetLimits = { ...limits, window: 1_000 };
      const [store] = opened;
      await store!.debit(short.key, clock.wall(), short.window, 80);
      const left = Number(await server.command('PTTL', `clocks-${prefix}:budget:{chatapp/who}`));
      assert.ok(left > 23 * HOUR, `${left} ms`);
      assert.equal((await budgets.state(limits)).remaining, 69);
    });
  });
});

describe('the count of logins, when the store loses it', () => {
  let server: RedisServer;
  const opened: RedisStore[] = [];
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());
  beforeEach(() => server.command('FLUSHALL'));
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  const process = async (): Promise<[LoginBudgets, FakeClock]> => {
    const store = await RedisStore.open(redisOptions(server));
    opened.push(store);
    const clock = new FakeClock();
    return [new LoginBudgets(store, clock), clock];
  };
  const lose = {
    FLUSHALL: () => server.command('FLUSHALL'),
    'an evicted key': () => server.command('DEL', 'test:budget:{chatapp/who}'),
  };

  for (const [what, happens] of Object.entries(lose)) {
    it(`${what}: 80 logins in all, because each process brings back its own`, async () => {
      const [a, b] = [await process(), await process()];
      let made = (await useUp(...a, 40)) + (await useUp(...b, 30));
      await happens();
      // Each is asked for the count once, as status and metrics do all the time, or told that the store is back.
      await b[0].writeBack();
      made += (await useUp(...a)) + (await useUp(...b));
      assert.equal(made, 80);
      await happens();
      assert.equal(
        (await useUp(...a, 1)) + (await useUp(...b, 1)),
        1,
        'only what nobody who asks remembers could be made again',
      );
    });
  }

  it('after a look at the count it is whole again, and a second look adds nothing', async () => {
    const [budgets, clock] = await process();
    await useUp(budgets, clock, 10);
    await server.command('FLUSHALL');
    for (let look = 0; look < 3; look += 1) assert.equal((await budgets.state(limits)).remaining, 70);
    assert.equal(Number(await server.command('ZCARD', 'test:budget:{chatapp/who}')), 10);
    assert.ok(Number(await server.command('PTTL', 'test:budget:{chatapp/who}')) > DAY);
  });

  it('what fell out of the window is not brought back', async () => {
    const store = new MemoryStore();
    const clock = new FakeClock();
    const budgets = new LoginBudgets(store, clock);
    await useUp(budgets, clock, 10);
    clock.pass(DAY);
    store.debits.clear();
    assert.equal((await budgets.state(limits)).remaining, 80);
    assert.deepEqual([...store.debits.values()].flat(), []);
  });
});

describe('a login that was counted and not made', () => {
  let store: MemoryStore;
  let clock: FakeClock;
  let budgets: LoginBudgets;
  beforeEach(() => {
    store = new MemoryStore();
    clock = new FakeClock();
    budgets = new LoginBudgets(store, clock);
  });

  it('is taken back: however often an endpoint that cannot be reached is tried, it costs nothing', async () => {
    for (let probe = 0; probe < 500; probe += 1) {
      clock.pass(1_000);
      const { granted, at } = await budgets.debit(limits, false);
      assert.equal(granted, true);
      assert.equal((await budgets.takeBack(limits, at)).remaining, 80);
    }
    assert.equal(await useUp(budgets, clock), 80);
  });

  it('is not brought back when the store loses the rest', async () => {
    await useUp(budgets, clock, 5);
    const { at } = await budgets.debit(limits, false);
    await budgets.takeBack(limits, at);
    store.debits.clear();
    await budgets.writeBack();
    assert.equal((await budgets.state(limits)).remaining, 75);
  });

  it('is taken back later if the store is away just then', async () => {
    const { at } = await budgets.debit(limits, false);
    store.failing.add('takeBack');
    await assert.rejects(budgets.takeBack(limits, at), StoreError);
    store.failing.clear();
    assert.equal((await budgets.state(limits)).remaining, 80);
  });

  it('of two in one millisecond one stays', async () => {
    const [first, second] = [await budgets.debit(limits, false), await budgets.debit(limits, false)];
    assert.notEqual(first.at, second.at);
    assert.equal((await budgets.takeBack(limits, first.at)).remaining, 79);
  });
});

describe('the time at which the next login is possible', () => {
  it('is when enough have fallen out of the window, also of those spent from the reserve', async () => {
    const store = new MemoryStore();
    const clock = new FakeClock();
    const budgets = new LoginBudgets(store, clock);
    const start = clock.wall();
    for (let made = 0; made < 90; made += 1) {
      clock.pass(60_000);
      assert.equal((await budgets.debit(limits, true)).granted, true);
    }
    // 90 count, 80 may: the eleventh has to be over.
    assert.equal((await budgets.state(limits)).retryAt, start + 11 * 60_000 + DAY);
  });
});
