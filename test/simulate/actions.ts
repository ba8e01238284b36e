import { TokenwardError } from '../../src/errors.ts';
import { leaseOwner } from '../../src/app/process-identity.ts';
import { holdingLease } from '../../src/tokens/held-lease.ts';
import { importToken } from '../../src/tokens/import.ts';
import type { Account } from './account.ts';
import { Costs } from './costs.ts';
import { WEATHERS } from './endpoint.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** What can happen. Details are drawn from the world's random numbers, so that a seed decides them. */
type Action = (world: World) => void | Promise<void>;

const MINUTE = 60_000;
const HOUR = 3_600_000;

export const SHARED = 'a second deployment shares the store by mistake';

/** Each action with how often it happens. */
export const ACTIONS: Readonly<Record<string, readonly [weight: number, action: Action]>> = {
  'clients ask': [
    14,
    (world) => {
      for (let left = 1 + world.random.below(5); left > 0; left -= 1) world.request(someProcess(world), some(world));
    },
  ],
  'time passes': [
    14,
    (world) => {
      // As a readiness probe does now and then.
      for (const process of world.processes) process.store?.check().catch(() => undefined);
      return world.scheduler.advance(world.random.pick([20, 200, 1_000, 3_000, 16_000, 70_000]));
    },
  ],
  'a token is revoked, and clients of all processes meet it': [
    8,
    (world) => {
      const account = some(world);
      revokeNewest(account);
      for (const process of world.processes) world.request(process, account);
    },
  ],
  'an old token is rejected late': [
    3,
    (world) => {
      const account = some(world);
      const process = someProcess(world);
      const token = world.random.pick([...account.held, undefined]);
      if (token !== undefined) {
        account.revocations += 1;
        world.rejectLate(process, account, token);
      }
    },
  ],
  'all sessions of an account end at the vendor': [
    1,
    (world) => {
      const account = some(world);
      account.revocations += 1;
      account.allowCall();
      account.endpoint.revokeAll();
      account.fault(world.scheduler.now);
      if (account.endpoint.options.kind === 'login-only') account.allowLogin();
    },
  ],
  'a token endpoint changes its weather': [
    5,
    (world) => {
      const account = some(world);
      account.endpoint.weather = world.random.pick(WEATHERS);
      account.fault(world.scheduler.now);
    },
  ],
  'all token endpoints are well': [
    3,
    (world) => {
      for (const account of world.accounts) clear(account, world.scheduler.now);
    },
  ],
  'a quiet while, and then every client asks': [3, (world) => quiet(world)],
  'hours pass': [1, (world) => world.scheduler.advance(world.random.pick([3 * HOUR, 25 * HOUR]))],
  'a process crashes': [2, (world) => world.crash(world.random.below(world.processes.length))],
  'a process is stopped in a renewal, and goes on': [
    2,
    async (world) => {
      const process = someProcess(world);
      const account = some(world);
      revokeNewest(account);
      world.request(process, account);
      await world.scheduler.advance(world.random.below(200));
      await freeze(world, [process], world.random.pick([1_000, 16_000, 40_000, 80_000]), false);
    },
  ],
  'a host is suspended': [
    1,
    async (world) => {
      const host = world.random.pick(world.hosts);
      host.suspend();
      const there = world.processes.filter((process) => process.host === host);
      await freeze(world, there, world.random.pick([20_000, 10 * MINUTE, 2 * HOUR]), true);
      host.resume();
    },
  ],
  'a clock is set': [
    1,
    (world) => {
      const ms = world.random.pick([20_000, -20_000, HOUR, -HOUR, 25 * HOUR, -25 * HOUR]);
      const hosts = [...world.hosts, ...(world.stored.redis === undefined ? [] : [world.stored.redis])];
      const host = world.random.pick(hosts);
      host.setClock(ms);
      // Whoever held a lease then and is gone later is waited for once more.
      if (host === world.stored.redis && ms < 0)
        for (const account of world.accounts) account.lateLease = world.stored.leaseHolder(account.name);
      world.globalFault();
      world.doubtLeases();
      world.clockWasSet = true;
      world.clockWasADayOff ||= Math.abs(ms) > 24 * HOUR;
      for (const account of world.accounts) {
        world.payForLease(account);
        // A token whose end lies in the past by a clock that was set is renewed.
        if (account.endpoint.options.kind === 'login-only') account.allowLogin();
        else account.allowCall();
      }
    },
  ],
  'the store is out of reach': [
    2,
    async (world) => {
      const { redis, disk } = world.stored;
      redis?.goDown();
      if (disk !== undefined) disk.full = true;
      world.globalFault();
      // A lease that cannot be prolonged ends.
      world.doubtLeases();
      // Of a renewal under way nobody else may hear what came of it.
      for (const account of world.accounts) world.payForLease(account);
      world.request(someProcess(world), some(world));
      await world.scheduler.advance(world.random.pick([200, 2_000, 40_000]));
      if (redis !== undefined) redis.down = false;
      if (disk !== undefined) disk.full = false;
      world.globalFault();
      world.doubtLeases();
    },
  ],
  'the store is slow': [
    1,
    async (world) => {
      const { redis, disk } = world.stored;
      if (redis !== undefined) redis.slow = true;
      if (disk !== undefined) disk.slow = true;
      world.globalFault();
      world.doubtLeases();
      world.request(someProcess(world), some(world));
      await world.scheduler.advance(world.random.pick([500, 5_000]));
      // A spend note may be written whose writer learns of it too late, and found by another process first.
      for (const account of world.accounts) account.allowLogin();
      if (redis !== undefined) redis.slow = false;
      if (disk !== undefined) disk.slow = false;
      world.globalFault();
    },
  ],
  'the store answers a write too late': [
    2,
    (world) => {
      if (world.stored.redis === undefined) return;
      world.stored.redis.lostReplies = 1;
      // Often the reply to the spend note.
      world.stored.redis.lostAfter = world.random.below(3);
      world.globalFault();
      world.doubtLeases();
      const account = some(world);
      revokeNewest(account);
      world.request(someProcess(world), account);
    },
  ],
  'a replica of the store takes over': [
    1,
    async (world) => {
      const { redis } = world.stored;
      if (redis === undefined) return;
      redis.lag = world.random.pick([5, 300]);
      await world.scheduler.advance(world.random.below(400));
      world.lost(redis.failOver());
      redis.lag = 5;
    },
  ],
  'the store forgets its volatile keys': [
    1,
    (world) => {
      const { redis } = world.stored;
      if (redis === undefined) return;
      const keys = redis.data.volatileKeys;
      for (const key of keys) redis.data.delete(key);
      world.lost(keys);
    },
  ],
  'the store is emptied': [
    1,
    (world) => {
      const { redis } = world.stored;
      if (redis === undefined) return;
      const { keys } = redis.data;
      redis.data.clear();
      world.lost(keys);
    },
  ],
  'a record is damaged': [
    1,
    (world) => {
      const account = some(world);
      if (!world.stored.damage(account.name)) return;
      account.damaged = true;
      account.forgotten = true;
      account.fault(world.scheduler.now);
      // Most operators notice; the others do so once everything else is well.
      if (world.random.chance(0.8)) {
        const notices = world.random.pick([1_000, 10_000, 30_000]);
        world.scheduler.at(notices, world, () => void world.mend(account));
      }
    },
  ],
  'the password stops working': [
    1,
    (world) => {
      const account = some(world);
      account.endpoint.password = 'changed at the vendor';
      account.fault(world.scheduler.now);
    },
  ],
  'an operator renews': [
    2,
    (world) => {
      const account = some(world);
      renewNow(world, account, world.random.chance(0.3), world.random.chance(0.3));
    },
  ],
  [SHARED]: [0, (world) => shareStore(world)],
  'a process is reloaded': [2, (world) => world.reload(world.random.below(world.processes.length))],
  'a password is changed, and every process is reloaded with the new one': [
    1,
    async (world) => {
      const account = some(world);
      const password = `password ${Math.round(world.scheduler.now)}`;
      account.endpoint.password = password;
      account.credentials = password;
      account.fault(world.scheduler.now);
      // One that still has the old password may try it.
      account.allowLogin();
      await reloadAll(world);
    },
  ],
  'the sealing key is rotated': [
    1,
    async (world) => {
      const next = world.newKey();
      const [current, ...retired] = world.keys;
      // Every process can open what the new key seals before one seals with it.
      world.keys = [current!, next, ...retired];
      await reloadAll(world);
      world.keys = [next, current!, ...retired];
      await reloadAll(world);
      const process = world.processes.find(({ ready }) => ready);
      if (process === undefined) return;
      const { host: clock, timers } = process;
      const owner = leaseOwner(process.machine);
      for (const { name } of world.accounts) {
        const reseal = (): Promise<boolean> => process.records!.reseal(name);
        holdingLease(process.store!, name, { owner, clock, timers, wait: 2_000 }, reseal).catch(() => undefined);
      }
      await world.scheduler.advance(3_000);
    },
  ],
  'an operator imports a token': [
    1,
    async (world) => {
      const account = some(world);
      const process = someProcess(world);
      if (!process.ready || account.endpoint.options.kind === 'login-only' || account.damaged) return;
      const { access, refresh } = account.endpoint.issueByHand();
      account.fault(world.scheduler.now);
      account.imported = true;
      account.allowCall();
      const { lifetime } = account.endpoint.options;
      const expiresAt = lifetime === undefined ? undefined : process.host.wall() + lifetime * 1_000;
      const grant = { refreshSecret: refresh!, secret: access, expiresAt };
      const owner = leaseOwner(process.machine);
      const credential = process.credentialOf(account);
      const { host: clock, timers } = process;
      const done = importToken(process.store!, process.records!, credential, grant, {
        owner,
        clock,
        timers,
        wait: 2_000,
      });
      done.catch(() => undefined);
      await world.scheduler.advance(100);
    },
  ],
};

/** Everything works again, for long enough, and every client asks. */
export async function quiet(world: World): Promise<void> {
  for (const account of world.accounts) clear(account, world.scheduler.now);
  await world.scheduler.advance(3_000);
  for (const account of world.accounts) {
    void world.mend(account);
    // Operators renew what is dead once its password works.
    for (const process of world.processes)
      if (process.manager?.statusOf(account.name)?.dead === true) renewIn(world, process, account, false, false);
  }
  await world.scheduler.advance(330_000);
  const ask = async (): Promise<void> => {
    for (const process of world.processes) for (const account of world.accounts) world.request(process, account);
    await world.scheduler.advance(8_000);
  };
  await ask();
  const costs = new Costs(world);
  const { served } = world;
  await ask();
  if (world.served - served === world.processes.length * world.accounts.length) costs.judgeFree();
}

/** Ends what is wrong with an account's endpoint. */
function clear(account: Account, now: number): void {
  const { endpoint } = account;
  if (endpoint.weather === 'fine' && endpoint.password === account.credentials) return;
  endpoint.weather = 'fine';
  endpoint.password = account.credentials;
  account.fault(now);
}

/** Tokens of both deployments are revoked, and the clients of both meet it. */
async function shareStore(world: World): Promise<void> {
  const other = world.openSecondDeployment();
  if (other === undefined) return;
  await world.scheduler.advance(500);
  for (let round = 0; round < 6; round += 1) {
    for (const account of world.accounts) revokeNewest(account);
    for (const process of world.processes) for (const account of world.accounts) world.request(process, account);
    for (const account of other.accounts) revokeNewest(account);
    for (const account of other.accounts) world.requestOfOther(other.process, account);
    await world.scheduler.advance(2_000);
  }
  await world.closeSecondDeployment();
}

/** One process after the other, while clients ask. */
async function reloadAll(world: World): Promise<void> {
  for (let at = 0; at < world.processes.length; at += 1) {
    world.reload(at);
    world.request(someProcess(world), some(world));
    await world.scheduler.advance(world.random.pick([300, 3_000]));
  }
}

function renewNow(world: World, account: Account, useReserve: boolean, login: boolean): void {
  renewIn(world, someProcess(world), account, useReserve, login);
}

function renewIn(world: World, process: Process, account: Account, useReserve: boolean, login: boolean): void {
  if (!process.ready || world.scheduler.isFrozen(process)) return;
  account.operations += 1;
  if (useReserve) account.operatorAt = world.scheduler.now;
  account.fault(world.scheduler.now);
  // What the operator asked for, or what is needed where there is nothing to refresh.
  account.allowLogin();
  process.manager!.renewNow(account.name, { useReserve, login }).catch((error: unknown) => {
    // A store that did not reply in time may have counted a call that was not made.
    if (error instanceof TokenwardError && error.code === 'store_unavailable')
      account.mayHaveCounted(world.scheduler.now);
  });
}

async function freeze(world: World, processes: readonly Process[], ms: number, suspended: boolean): Promise<void> {
  world.globalFault();
  // Their leases may end while they stand still.
  world.doubtLeases(processes);
  for (const process of processes) {
    for (const account of world.accounts) if (world.isRenewing(process, account)) account.allowLogin();
    world.scheduler.freeze(process);
  }
  // Others may go on meanwhile.
  for (const account of world.accounts) world.request(someProcess(world), account);
  await world.scheduler.advance(ms);
  for (const process of processes) world.scheduler.thaw(process, suspended);
  world.globalFault();
  world.doubtLeases();
}

function revokeNewest(account: Account): void {
  const newest = account.held.at(-1);
  if (newest === undefined) return;
  if (account.endpoint.options.kind === 'login-only' && account.endpoint.accepts(newest.reveal())) account.allowLogin();
  account.revocations += 1;
  account.allowCall();
  account.endpoint.revoke(newest.reveal());
}

function some(world: World): Account {
  return world.random.pick(world.accounts);
}

function someProcess(world: World): Process {
  return world.random.pick(world.processes);
}
